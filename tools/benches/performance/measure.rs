//! The measurements. All that is compared alternates.

use crate::functions::{Function, World, target};
use crate::instance::{Instance, is_installed, under_callgrind};
use crate::quota::Quota;
use std::time::Duration;

/// Starts of each function.
pub const STARTS: usize = 50;

/// Warm calls of one instance, in blocks, the first of which does not count.
pub const BLOCKS: usize = 10;
pub const CALLS_A_BLOCK: u32 = 100;

/// Instances that the warm calls are repeated with.
pub const REPETITIONS: usize = 8;

/// How often instructions are counted.
const COUNTS: usize = 4;

/// What was measured of one function: one value a run, in seconds, bytes or instructions.
#[derive(Default)]
pub struct Measured {
    /// CPU from exec to the first `/next`, without warm-up.
    pub init: Vec<f64>,
    /// The same with warm-up.
    pub warmed_init: Vec<f64>,
    /// CPU from exec to the end of the first call.
    pub first: Vec<f64>,
    /// CPU of a warm call.
    pub warm: Vec<f64>,
    /// Peak RSS after 1,000 calls.
    pub memory: Vec<f64>,
    /// Size of the binary.
    pub size: Vec<f64>,
    /// Instructions from exec to the end of the first call.
    pub instructions: Vec<f64>,
    /// Instructions of a warm call.
    pub warm_instructions: Vec<f64>,
    /// The first call at 128 MB.
    pub small: Vec<f64>,
}

/// The middle value; `None` of none.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// What does not depend on the machine's load: size and instructions.
pub async fn steady(functions: &[Function], world: &World) -> Vec<Measured> {
    assert!(is_installed("valgrind"), "valgrind is not installed");
    let mut all = Vec::new();
    for function in functions {
        let size = std::fs::metadata(&function.binary).expect("the built binary").len();
        let first = count(function, world, 1).await;
        let warm = (count(function, world, 51).await - first) / 50.0;
        #[expect(clippy::cast_precision_loss, reason = "no binary has 2^53 bytes")]
        all.push(Measured {
            size: vec![size as f64],
            instructions: vec![first],
            warm_instructions: vec![warm],
            ..Measured::default()
        });
    }
    all
}

/// The instructions from exec to the end of so many calls. Under valgrind on a busy machine a call may run into its time limit,
/// be repeated, and open one more connection: the least counts.
async fn count(function: &Function, world: &World, calls: u32) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..COUNTS {
        least = least.min(count_once(function, world, calls).await);
    }
    least
}

async fn count_once(function: &Function, world: &World, calls: u32) -> f64 {
    let counts = target().join(format!("performance/callgrind.{}", function.name));
    let command = under_callgrind(&function.binary, &counts);
    let mut instance = Instance::start(command, &world.environment(function.name)).await;
    for _ in 0..calls {
        function.call(&mut instance).await;
    }
    instance.end();
    let text = std::fs::read_to_string(&counts).expect("callgrind's counts");
    let total = text.lines().rev().find_map(|line| line.strip_prefix("totals: ")).expect("a total");
    total.trim().parse().expect("a number")
}

/// Everything else, added to `all`. What could not be measured, and why.
pub async fn times(functions: &[Function], world: &World, all: &mut [Measured]) -> Option<String> {
    for _ in 0..STARTS {
        for (function, measured) in functions.iter().zip(&mut *all) {
            let instance = function.start_without_warm_up(world).await;
            measured.init.push(instance.cpu().await.as_secs_f64());
            let mut instance = function.start(world).await;
            measured.warmed_init.push(instance.cpu().await.as_secs_f64());
            function.call(&mut instance).await;
            measured.first.push(instance.cpu().await.as_secs_f64());
        }
    }
    for _ in 0..REPETITIONS {
        warm(functions, world, all).await;
    }
    for _ in 0..STARTS {
        for (function, measured) in functions.iter().zip(&mut *all) {
            match small(function, world).await {
                Ok(time) => measured.small.push(time.as_secs_f64()),
                Err(reason) => return Some(format!("The first call at 128 MB is not measured: {reason}.")),
            }
        }
    }
    None
}

/// From handing the first event over to its answer, by an instance that has the CPU share of 128 MB from the end of init on.
/// The Runtime API and the stand-ins are in this process, which has all the CPU that it wants.
async fn small(function: &Function, world: &World) -> Result<Duration, String> {
    let quota = Quota::of_memory(128)?;
    let mut instance = function.start(world).await;
    // It has fallen asleep after init when this is known.
    instance.cpu().await;
    quota.hold(instance.pid());
    Ok(function.call(&mut instance).await)
}

async fn warm(functions: &[Function], world: &World, all: &mut [Measured]) {
    let mut instances = Vec::new();
    for function in functions {
        instances.push(function.start(world).await);
    }
    for block in 0..BLOCKS {
        for ((function, instance), measured) in functions.iter().zip(&mut instances).zip(&mut *all) {
            let before = instance.cpu().await;
            for _ in 0..CALLS_A_BLOCK {
                function.call(instance).await;
            }
            let spent: Duration = instance.cpu().await - before;
            if block > 0 {
                measured.warm.push(spent.as_secs_f64() / f64::from(CALLS_A_BLOCK));
            }
        }
    }
    for (instance, measured) in instances.iter().zip(&mut *all) {
        measured.memory.push(instance.peak_memory());
    }
}
