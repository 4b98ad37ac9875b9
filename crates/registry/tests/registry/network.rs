use headstart_registry::Error;
use headstart_types::Network;

use crate::world::on_both;

#[tokio::test]
async fn a_database_is_of_the_first_network_that_comes_and_of_no_other() {
    on_both(async |world| {
        let (mainnet, hoodi) = (Network::mainnet(), Network::hoodi());
        assert!(!world.registry.is_of(&hoodi).await.unwrap(), "nobody has said so");
        world.registry.belong_to(&hoodi).await.unwrap();
        assert!(world.registry.is_of(&hoodi).await.unwrap());
        world.another_process().belong_to(&hoodi).await.unwrap();
        let renamed = Network { name: "staging".to_owned(), ..hoodi.clone() };
        world.registry.belong_to(&renamed).await.expect("a name tells no two networks apart");

        let refused = world.another_process().belong_to(&mainnet).await.unwrap_err();
        assert!(matches!(refused, Error::OtherNetwork(_)), "{refused}");
        let says = refused.to_string();
        let told = [&hoodi, &mainnet].map(|network| network.genesis_validators_root.to_string());
        let words = ["hoodi", "mainnet", &told[0], &told[1], "registry.url"];
        assert!(words.iter().all(|word| says.contains(word)), "{says}");
        let fork = Network { schedule: mainnet.schedule, ..hoodi };
        let refused = world.registry.belong_to(&fork).await;
        assert!(matches!(refused, Err(Error::OtherNetwork(_))), "its builder domain is another");
    })
    .await;
}

#[tokio::test]
async fn of_processes_that_start_together_one_says_which_network_it_is() {
    on_both(async |world| {
        let (one, other) = (world.another_process(), world.another_process());
        let (mainnet, hoodi) = (Network::mainnet(), Network::hoodi());
        let (first, second) = tokio::join!(one.belong_to(&mainnet), other.belong_to(&hoodi));
        assert!(first.is_ok() != second.is_ok(), "{first:?}, {second:?}");
    })
    .await;
}
