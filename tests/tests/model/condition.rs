//! DynamoDB's condition expressions, as far as the store uses them: parsed from the product's own strings.

/// The attributes that conditions mention.
const ATTRIBUTES: [&str; 9] =
    ["id", "ended_at", "gone_at", "#sessions", "created_at", "phone_at", "token_hash", "expires_at", "erased_at"];

/// The values that conditions compare with.
const VALUES: [&str; 11] =
    [":began", ":login_at", ":now", ":at", ":ahead", ":newest", ":event", ":phone_at", ":member", ":seen", ":none"];

/// An item: numbers, and sets as bits. An attribute that is no number is 0 where it exists.
#[derive(Clone, Copy, Debug, Default)]
pub struct Item([Option<u8>; ATTRIBUTES.len()]);

/// Values by name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Values([Option<u8>; VALUES.len()]);

/// A parsed condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Exists(usize),
    ExistsNot(usize),
    Contains(usize, usize),
    Compare(usize, Operator, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Less,
    LessOrEqual,
    Equal,
    Greater,
}

fn position(names: &[&str], name: &str) -> usize {
    names.iter().position(|known| *known == name).unwrap_or_else(|| panic!("the model does not know {name}"))
}

impl Item {
    pub fn with(mut self, attribute: &str, value: Option<u8>) -> Self {
        self.0[position(&ATTRIBUTES, attribute)] = value;
        self
    }
}

impl Values {
    pub fn with(mut self, name: &str, value: u8) -> Self {
        self.0[position(&VALUES, name)] = Some(value);
        self
    }
}

impl Condition {
    /// Parses an expression; none at all always holds.
    pub fn parse(text: &str) -> Self {
        let spaced = text.replace('(', " ( ").replace(')', " ) ").replace(',', " ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        if words.is_empty() {
            return Self::All(Vec::new());
        }
        let mut rest = words.as_slice();
        let condition = Self::any(&mut rest);
        assert!(rest.is_empty(), "cannot read {rest:?} of {text}");
        condition
    }

    fn any(words: &mut &[&str]) -> Self {
        let mut parts = vec![Self::all(words)];
        while words.first() == Some(&"OR") {
            take(words);
            parts.push(Self::all(words));
        }
        Self::Any(parts)
    }

    fn all(words: &mut &[&str]) -> Self {
        let mut parts = vec![Self::one(words)];
        while words.first() == Some(&"AND") {
            take(words);
            parts.push(Self::one(words));
        }
        Self::All(parts)
    }

    fn one(words: &mut &[&str]) -> Self {
        match take(words) {
            "(" => {
                let inner = Self::any(words);
                expect(words, ")");
                inner
            }
            function @ ("attribute_exists" | "attribute_not_exists" | "contains") => {
                expect(words, "(");
                let attribute = position(&ATTRIBUTES, take(words));
                let condition = match function {
                    "attribute_exists" => Self::Exists(attribute),
                    "attribute_not_exists" => Self::ExistsNot(attribute),
                    _ => Self::Contains(attribute, position(&VALUES, take(words))),
                };
                expect(words, ")");
                condition
            }
            attribute => {
                let attribute = position(&ATTRIBUTES, attribute);
                let operator = match take(words) {
                    "<" => Operator::Less,
                    "<=" => Operator::LessOrEqual,
                    "=" => Operator::Equal,
                    ">" => Operator::Greater,
                    other => panic!("the model does not know {other}"),
                };
                Self::Compare(attribute, operator, position(&VALUES, take(words)))
            }
        }
    }

    /// Whether the condition holds; a comparison with what does not exist does not.
    pub fn holds(&self, item: &Item, values: &Values) -> bool {
        let value = |index: usize| values.0[index].unwrap_or_else(|| panic!("no value for {}", VALUES[index]));
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(item, values)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(item, values)),
            Self::Exists(attribute) => item.0[*attribute].is_some(),
            Self::ExistsNot(attribute) => item.0[*attribute].is_none(),
            Self::Contains(attribute, member) => item.0[*attribute].is_some_and(|set| set & value(*member) != 0),
            Self::Compare(attribute, operator, with) => item.0[*attribute].is_some_and(|there| match operator {
                Operator::Less => there < value(*with),
                Operator::LessOrEqual => there <= value(*with),
                Operator::Equal => there == value(*with),
                Operator::Greater => there > value(*with),
            }),
        }
    }
}

fn take<'a>(words: &mut &[&'a str]) -> &'a str {
    let (first, rest) = words.split_first().expect("the expression ends too early");
    *words = rest;
    first
}

fn expect(words: &mut &[&str], word: &str) {
    assert_eq!(take(words), word);
}

#[test]
fn a_condition_is_evaluated_as_dynamodb_does() {
    let condition = Condition::parse("attribute_exists(id) AND (attribute_not_exists(gone_at) OR gone_at < :newest)");
    let values = Values::default().with(":newest", 2);
    let item = Item::default().with("id", Some(0));
    assert!(condition.holds(&item, &values));
    assert!(condition.holds(&item.with("gone_at", Some(1)), &values));
    assert!(!condition.holds(&item.with("gone_at", Some(2)), &values));
    assert!(!condition.holds(&Item::default(), &values));
}
