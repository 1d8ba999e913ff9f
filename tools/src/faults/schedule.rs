//! What happens when, decided by a seed.

use super::{Call, Fault, Point, Service};
use fastrand::Rng;
use serde_json::json;
use std::time::Duration;

/// How bad the day is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mix {
    /// One call in six goes wrong, mostly by being late.
    Mild,
    /// Every other call goes wrong, in every way there is.
    Storm,
    /// This part of the calls to the AWS services is throttled.
    Throttled(f64),
}

/// A schedule: the nth call of an operation meets the same fault every time.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Decides everything.
    pub seed: u64,
    /// How bad the day is.
    pub mix: Mix,
}

impl Schedule {
    /// What becomes of this call.
    pub fn fault(&self, call: &Call) -> Option<Fault> {
        let mut dice = self.dice(&format!("{call} {}", call.nth));
        match self.mix {
            Mix::Throttled(part) => {
                let hit = call.service != Service::WeChat && dice.f64() < part;
                hit.then(|| Fault::throttled(call))
            }
            Mix::Mild if dice.u8(0..6) > 0 => None,
            Mix::Mild if dice.bool() => Some(Fault::Delay(Duration::from_millis(dice.u64(100..1500)))),
            Mix::Storm if dice.bool() => None,
            Mix::Mild | Mix::Storm => Some(any(&mut dice, call, self.mix == Mix::Storm)),
        }
    }

    /// What becomes of the nth request of a page for this path: one in six is late, or lost, or its response is.
    pub fn page_fault(&self, path: &str, nth: u64) -> Option<Fault> {
        let mut dice = self.dice(&format!("page {path} {nth}"));
        match dice.u8(0..24) {
            0 | 1 => Some(Fault::Delay(Duration::from_millis(dice.u64(100..1500)))),
            2 => Some(Fault::Reset(Point::Request)),
            3 => Some(Fault::Reset(Point::Answer)),
            _ => None,
        }
    }

    fn dice(&self, text: &str) -> Rng {
        Rng::with_seed(self.seed ^ hash(text))
    }
}

/// Any fault; the ones that take a request's whole time only if it may be `hard`.
fn any(dice: &mut Rng, call: &Call, hard: bool) -> Fault {
    let point = match dice.u8(0..4) {
        0 => Point::Request,
        1 => Point::Answer,
        2 => Point::Head(dice.usize(1..60)),
        _ => Point::Body(dice.usize(0..60)),
    };
    match dice.u8(0..if hard { 9 } else { 5 }) {
        0 => Fault::Reset(point),
        1 if dice.bool() => Fault::carried_out(500, "upstream fault"),
        1 => Fault::status([500, 502, 503][dice.usize(0..3)], "upstream fault"),
        2 | 3 if call.writes() => Fault::conflict(call),
        2 | 3 if call.service == Service::WeChat => Fault::body(json!({"errcode": -1}).to_string()),
        2 | 3 => Fault::throttled(call),
        4 if call.service == Service::WeChat => Fault::body("<html><h1>Bad Gateway</h1></html>"),
        4 => Fault::throttled(call),
        5 => Fault::Stall(point),
        6 => Fault::garbage(),
        7 => Fault::Endless(Some(1 << 20)),
        _ => Fault::Delay(Duration::from_millis(dice.u64(0..4000))),
    }
}

/// FNV-1a: the same on every machine and in every version.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(seed: u64, mix: Mix) -> Vec<Option<Fault>> {
        let schedule = Schedule { seed, mix };
        let call = |nth| Call { service: Service::DynamoDb, operation: "TransactWriteItems".into(), nth };
        (0..1000).map(|nth| schedule.fault(&call(nth))).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_day() {
        assert_eq!(faults(7, Mix::Storm), faults(7, Mix::Storm));
        assert_ne!(faults(7, Mix::Storm), faults(8, Mix::Storm));
    }

    #[test]
    fn a_day_is_as_bad_as_it_is_meant_to_be() {
        let wrong = |mix| faults(7, mix).iter().flatten().count();
        assert!((120..220).contains(&wrong(Mix::Mild)), "{}", wrong(Mix::Mild));
        assert!((420..580).contains(&wrong(Mix::Storm)), "{}", wrong(Mix::Storm));
        assert!((250..350).contains(&wrong(Mix::Throttled(0.3))), "{}", wrong(Mix::Throttled(0.3)));
    }
}
