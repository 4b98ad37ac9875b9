use std::fmt;

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// To register validators and to give them up.
    Register,
    /// To push duty hints and report proposals.
    Hint,
    /// To read what belongs to the cluster.
    View,
}

impl Scope {
    pub const ALL: [Self; 3] = [Self::Register, Self::Hint, Self::View];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Hint => "hint",
            Self::View => "view",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of scopes, written with spaces between them as in the `scope` claim.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// Reads a `scope` claim. Words that name no scope of ours are passed over: they may be somebody else's.
    pub fn parse(text: &str) -> Self {
        let named = |word: &str| Scope::ALL.into_iter().find(|scope| scope.as_str() == word);
        text.split(' ').filter_map(named).collect()
    }

    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> =
            Scope::ALL.into_iter().filter(|scope| self.has(*scope)).map(Scope::as_str).collect();
        f.write_str(&words.join(" "))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_read_as_they_are_written() {
        for text in ["", "register", "hint view", "register hint view"] {
            assert_eq!(Scopes::parse(text).to_string(), text);
        }
        assert_eq!(Scopes::parse("register hint view"), Scopes::all());
    }

    #[test]
    fn words_that_name_no_scope_give_none() {
        assert!(Scopes::parse("").is_empty());
        assert!(Scopes::parse("admin HINT hints register,hint *").is_empty());
        assert_eq!(Scopes::parse("openid view").to_string(), "view");
    }
}
