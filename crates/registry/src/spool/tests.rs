use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use headstart_types::{
    BlsPublicKey, BlsSignature, ExecutionAddress, SignedValidatorRegistration, Slot, UnixMillis,
    ValidatorRegistration,
};

use super::folder::Folder;
use super::replay::read;
use super::segments::NotAppended;
use super::{Entry, Spool, Stream};
use crate::{ProposalReport, Registry};

/// Room for a few dozen records of each stream.
const BYTES_MAX: u64 = 16 << 10;

fn entry(number: u64) -> Entry {
    let message = ValidatorRegistration {
        fee_recipient: ExecutionAddress::default(),
        gas_limit: 36_000_000,
        timestamp: number,
        pubkey: BlsPublicKey::default(),
    };
    let registration = SignedValidatorRegistration { message, signature: BlsSignature::default() };
    Entry::Registration { at: UnixMillis(1_700_000_000_123), registration }
}

fn append(folder: &mut Folder, stream: Stream, number: u64) -> Result<u64, NotAppended> {
    folder.stream(stream).append(entry(number).line().unwrap().as_bytes(), 1)
}

/// Takes everything of a stream, in order.
fn take_all(folder: &mut Folder, stream: Stream) -> (Vec<Entry>, u64) {
    let (mut all, mut damaged) = (Vec::new(), 0);
    while let Some((number, path)) = folder.stream(stream).oldest() {
        let (entries, torn) = read(&path).unwrap();
        all.extend(entries);
        damaged += torn;
        folder.stream(stream).remove(number).unwrap();
    }
    (all, damaged)
}

/// Every file below the spool that holds records.
fn files(spool: &Path) -> Vec<PathBuf> {
    let folders =
        fs::read_dir(spool).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    files.filter(|path| path.extension().is_some_and(|ending| ending == "spool")).collect()
}

#[test]
fn a_line_says_what_was_written_and_one_that_was_cut_or_changed_anywhere_is_none() {
    let line = entry(7).line().unwrap();
    let line = line.trim_end().as_bytes();
    assert_eq!(Entry::parse(line), Some(entry(7)));
    for place in 0..line.len() {
        assert_eq!(Entry::parse(&line[..place]), None, "cut at {place}");
        let mut changed = line.to_vec();
        changed[place] ^= 1;
        assert_eq!(Entry::parse(&changed), None, "changed at {place}");
    }
}

#[test]
fn what_is_kept_comes_out_once_in_its_order() {
    let spool = tempfile::tempdir().unwrap();
    let mut folder = Folder::open(spool.path(), BYTES_MAX).unwrap();
    (0..20).for_each(|number| assert_eq!(append(&mut folder, Stream::Promised, number).unwrap(), 0));
    assert_eq!(folder.records(), 20);
    assert!(files(spool.path()).len() > 1, "there are several files");
    let all: Vec<_> = (0..20).map(entry).collect();
    assert_eq!(take_all(&mut folder, Stream::Promised), (all, 0));
    assert_eq!((folder.records(), files(spool.path()).len()), (0, 0));
}

#[test]
fn nobody_else_reads_it() {
    let spool = tempfile::tempdir().unwrap();
    let mut folder = Folder::open(&spool.path().join("new"), BYTES_MAX).unwrap();
    append(&mut folder, Stream::Promised, 1).unwrap();
    for file in files(&spool.path().join("new")) {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(file.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    }
}

#[test]
fn a_torn_tail_costs_nothing_but_itself() {
    let spool = tempfile::tempdir().unwrap();
    let mut folder = Folder::open(spool.path(), BYTES_MAX).unwrap();
    (0..3).for_each(|number| assert!(append(&mut folder, Stream::Promised, number).is_ok()));
    drop(folder);
    let newest = files(spool.path()).into_iter().max().unwrap();
    let line = entry(3).line().unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(newest).unwrap();
    file.write_all(&line.as_bytes()[..line.len() / 2]).unwrap();

    let mut folder = Folder::open(spool.path(), BYTES_MAX).unwrap();
    append(&mut folder, Stream::Promised, 4).unwrap();
    assert_eq!(take_all(&mut folder, Stream::Promised), ([0, 1, 2, 4].map(entry).to_vec(), 1));
}

#[test]
fn of_outcomes_the_oldest_go_when_it_is_full() {
    let spool = tempfile::tempdir().unwrap();
    let mut folder = Folder::open(spool.path(), BYTES_MAX).unwrap();
    let dropped: u64 = (0..200).map(|number| append(&mut folder, Stream::Outcomes, number).unwrap()).sum();
    assert!(dropped > 0);
    let (left, damaged) = take_all(&mut folder, Stream::Outcomes);
    assert_eq!((left.len() as u64, damaged), (200 - dropped, 0));
    assert_eq!(left, (dropped..200).map(entry).collect::<Vec<_>>());
}

#[test]
fn what_was_promised_stays_when_it_is_full_and_the_next_is_refused() {
    let spool = tempfile::tempdir().unwrap();
    let mut folder = Folder::open(spool.path(), BYTES_MAX).unwrap();
    let kept = (0..200).take_while(|number| append(&mut folder, Stream::Promised, *number).is_ok()).count();
    assert!(kept > 10 && kept < 200, "{kept}");
    assert!(matches!(append(&mut folder, Stream::Promised, 7), Err(NotAppended::Full)));
    assert_eq!(append(&mut folder, Stream::Outcomes, 7).unwrap(), 0, "they do not take each other's room");
    assert_eq!(take_all(&mut folder, Stream::Promised).0.len(), kept);
    append(&mut folder, Stream::Promised, 8).unwrap();
}

#[test]
fn reports_take_no_room_from_registrations_however_many_there_are() {
    let spool = tempfile::tempdir().unwrap();
    let mut folder = Folder::open(spool.path(), BYTES_MAX).unwrap();
    let count = |folder: &mut Folder, stream| {
        (0..200).take_while(|number| append(folder, stream, *number).is_ok()).count()
    };
    let reports = count(&mut folder, Stream::Reports);
    let registrations = count(&mut folder, Stream::Promised);
    assert!(reports > 0 && registrations / reports >= 4, "{reports} reports, {registrations} registrations");
    assert_eq!(folder.records(), (reports + registrations) as u64);
}

#[test]
fn a_process_takes_over_what_one_left_that_has_ended_and_nothing_of_one_that_lives() {
    let spool = tempfile::tempdir().unwrap();
    let mut first = Folder::open(spool.path(), BYTES_MAX).unwrap();
    append(&mut first, Stream::Promised, 1).unwrap();
    let mut second = Folder::open(spool.path(), BYTES_MAX).unwrap();
    assert_eq!(second.records(), 0);
    append(&mut second, Stream::Promised, 2).unwrap();

    drop(first);
    second.look_around().unwrap();
    assert_eq!(take_all(&mut second, Stream::Promised), ([2, 1].map(entry).to_vec(), 0));
    let folders = fs::read_dir(spool.path()).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert_eq!(folders.count(), 1, "nothing is left of it");
}

#[test]
fn a_folder_that_cannot_be_read_keeps_nobody_from_the_spool() {
    let spool = tempfile::tempdir().unwrap();
    let mut first = Folder::open(spool.path(), BYTES_MAX).unwrap();
    append(&mut first, Stream::Promised, 1).unwrap();
    drop(first);
    // Whoever the test runs as, a folder is no file that can be locked.
    fs::create_dir_all(spool.path().join("lost+found/lock")).unwrap();

    let mut second = Folder::open(spool.path(), BYTES_MAX).unwrap();
    second.look_around().unwrap();
    assert_eq!(take_all(&mut second, Stream::Promised), (vec![entry(1)], 0));
    assert!(spool.path().join("lost+found").is_dir(), "it is nobody's to take away");
}

fn report(slot: u64) -> ProposalReport {
    let (operator, report) = ("one".to_owned(), "{}".to_owned());
    let validator = BlsPublicKey::default();
    ProposalReport { slot: Slot(slot), validator, operator, report, reported_at: UnixMillis(0) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spool_that_is_full_refuses_what_would_be_promised_and_counts_what_goes() {
    let folder = tempfile::tempdir().unwrap();
    let mut registry = Registry::connect("postgres://nobody@localhost/none?host=/nowhere").unwrap();
    let small = Folder::open(folder.path(), BYTES_MAX).unwrap();
    registry.spool = Some(Spool::with(small, &registry.database, &registry.loops));
    let mut promised = 0;
    while registry.report_proposal("alpha", &report(promised)).await.is_ok() {
        promised += 1;
    }
    assert!(promised > 5, "{promised}");
    assert_eq!((registry.spool_depth(), registry.spool_dropped()), (promised, 0));

    let spool = registry.spool.clone().unwrap();
    for number in 0..200 {
        assert!(spool.keep(Stream::Outcomes, vec![entry(number)]).await);
    }
    let dropped = registry.spool_dropped();
    assert!(dropped > 0);
    assert_eq!(registry.spool_depth(), promised + 200 - dropped);
    let all: Vec<_> = files(folder.path()).iter().flat_map(|file| read(file).unwrap().0).collect();
    let reports = all.iter().filter(|entry| matches!(entry, Entry::Report(_)));
    assert_eq!(reports.count() as u64, promised, "what was promised is there");
}
