//! A state of the access token: WeChat's, the table's and each instance's, and what is on its way.

use std::collections::BTreeSet;

pub const INSTANCES: usize = 3;

/// Where an instance is with its request. Tokens are numbered as they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    Start,
    /// The token at hand nears its end: about to look into the table for a newer one.
    Renew(u8),
    /// Has sent WeChat a question, at this time, and goes on with the old token meanwhile.
    Renewing {
        old: u8,
        at: u8,
    },
    /// About to look into the table for another token than this.
    Table(Option<u8>),
    /// Has sent WeChat a question in normal mode, at this time; whether it is the last resort.
    Asked {
        refused: Option<u8>,
        at: u8,
        last: bool,
    },
    /// About to read the last claim.
    Claim(u8),
    /// Waits for its claim.
    Claimed {
        refused: u8,
        claim: Claim,
    },
    /// Has told WeChat to replace the token.
    Forcing {
        refused: u8,
        at: u8,
    },
    /// Somebody else replaces this token.
    Await(u8),
    /// About to use this token; whether it is the second that it tries.
    Use(u8, bool),
    Served,
    Failed,
}

/// A claim to replace the token by force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    pub at: u8,
    /// No two claims have the same.
    pub mark: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Write {
    Put { token: u8, obtained_at: u8, force: bool },
    Claim { by: usize, seen: Option<Claim>, claim: Claim },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Copy {
    First,
    /// The answer to the first was lost.
    Retry,
    /// Nobody waits for it any more.
    Late,
}

/// A write on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sent {
    pub write: Write,
    pub copy: Copy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stored {
    pub token: u8,
    pub obtained_at: u8,
    pub force: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub clock: u8,
    /// WeChat's token, and whether it works.
    pub current: u8,
    pub works: bool,
    pub stored: Option<Stored>,
    pub claim: Option<Claim>,
    /// How many claims there have been.
    pub claims: u8,
    pub memory: [Option<u8>; INSTANCES],
    pub steps: [Step; INSTANCES],
    /// When each request began.
    pub began: [u8; INSTANCES],
    pub on_the_way: BTreeSet<Sent>,
    pub crashes_left: u8,
    /// How many writes arrive once more.
    pub copies_left: u8,
    /// How often WeChat was told to replace the token, and when it was last.
    pub forced: u8,
    pub forced_at: Option<u8>,
    /// Whoever had claimed the replacement crashed before it was made.
    pub excused: bool,
    /// One replacement by force followed soon on another.
    pub too_soon: bool,
    /// A token that was made by force and works gave way to one that does not.
    pub worse: bool,
}

impl State {
    /// Two instances hold token 0; the third starts cold.
    pub fn start(stored: bool, crashes: u8, copies: u8) -> Self {
        Self {
            clock: 1,
            current: 0,
            works: true,
            stored: stored.then_some(Stored { token: 0, obtained_at: 0, force: false }),
            claim: None,
            claims: 0,
            memory: [Some(0), Some(0), None],
            steps: [Step::Start; INSTANCES],
            began: [0; INSTANCES],
            on_the_way: BTreeSet::new(),
            crashes_left: crashes,
            copies_left: copies,
            forced: 0,
            forced_at: None,
            excused: false,
            too_soon: false,
            worse: false,
        }
    }

    /// The stored token, if it is another than `refused`.
    pub fn other(&self, refused: Option<u8>) -> Option<u8> {
        self.stored.map(|there| there.token).filter(|token| Some(*token) != refused)
    }

    /// It is WeChat's, and works.
    pub fn serves(&self, token: u8) -> bool {
        self.works && token == self.current
    }

    /// An instance is about to replace the token by force, or may be.
    pub fn somebody_forces(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Claimed { .. } | Step::Forcing { .. }))
    }

    /// The instance has a token, and is about to use it instead of `refused`.
    pub fn found(&mut self, index: usize, token: u8, refused: Option<u8>) -> Step {
        self.memory[index] = Some(token);
        Step::Use(token, refused.is_some())
    }

    pub fn send(&mut self, write: Write) {
        self.on_the_way.insert(Sent { write, copy: Copy::First });
    }

    /// A write arrives; the network may hold a copy.
    pub fn take(&mut self, sent: Sent) {
        self.on_the_way.remove(&sent);
        match sent.copy {
            Copy::First if self.copies_left > 0 => {
                self.on_the_way.insert(Sent { copy: Copy::Late, ..sent });
            }
            Copy::Late => self.use_up_copy(),
            Copy::First | Copy::Retry => {}
        }
    }

    /// A write arrives, and is sent once more.
    pub fn lose(&mut self, sent: Sent) {
        self.on_the_way.remove(&sent);
        self.use_up_copy();
        self.on_the_way.insert(Sent { copy: Copy::Retry, ..sent });
    }

    fn use_up_copy(&mut self) {
        self.copies_left -= 1;
        if self.copies_left == 0 {
            self.on_the_way.retain(|sent| sent.copy != Copy::Late);
        }
    }

    /// The instance forgets what it holds, and its request is made anew.
    pub fn crash(&mut self, index: usize) {
        self.crashes_left -= 1;
        self.excused |= matches!(self.steps[index], Step::Claimed { .. } | Step::Forcing { .. });
        self.memory[index] = None;
        self.steps[index] = Step::Start;
    }
}
