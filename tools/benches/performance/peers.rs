//! What a team would run instead (`tools/peers`), beside our login: servers and functions in turn, on the same cores, with the
//! same stand-in for WeChat.

mod plot;
mod server;

use crate::functions::{Function, NULL, World, root, target};
use crate::instance::Instance;
use crate::measure::median;
use crate::report;
use futures_util::future::join_all;
use server::{Program, Server};
use std::time::{Duration, Instant};

/// Starts of each.
const STARTS: usize = 20;

/// How often each is under load, and how long. The first time does not count.
const BLOCKS: usize = 9;
const BLOCK: Duration = Duration::from_secs(2);

/// Instances of a function, and workers of a server: one a core.
pub const WORKERS: usize = 2;

/// Clients of a server: enough that no worker waits for one.
const CLIENTS: usize = 2 * WORKERS;

const PROGRAMS: [Program; 2] = [
    Program { name: "Flask with wechatpy", module: "flask_app" },
    Program { name: "Django view", module: "django_view" },
];

/// What is compared.
enum Candidate<'a> {
    Function(&'a str, &'a Function),
    Server(&'a Program),
}

/// It runs.
enum Running<'a> {
    Instances(&'a Function, Vec<Instance>),
    Server(Server),
}

/// What was measured of one: one value a run, in seconds, bytes or logins a second.
#[derive(Default)]
struct Measured {
    start: Vec<f64>,
    first: Vec<f64>,
    warm: Vec<f64>,
    rate: Vec<f64>,
    memory: Vec<f64>,
}

/// The figures as a section of `docs/results.md`; the plot goes into `tools/peers`.
pub async fn compare(functions: &[Function], world: &World) -> String {
    let load = report::load();
    let folder = target().join("peers");
    server::prepare(&folder, world, &PROGRAMS);
    let function = |name: &str| functions.iter().find(|function| function.name == name).expect("it is built");
    let candidates = [
        Candidate::Function("null handler", function(NULL)),
        Candidate::Function("this login", function("login")),
        Candidate::Server(&PROGRAMS[0]),
        Candidate::Server(&PROGRAMS[1]),
    ];
    let mut all: [Measured; 4] = Default::default();
    for _ in 0..STARTS {
        for (candidate, measured) in candidates.iter().zip(&mut all) {
            let start = Instant::now();
            let mut running = candidate.start(1, world).await;
            running.log_in().await;
            measured.start.push(start.elapsed().as_secs_f64());
            measured.first.push(running.cpu().await.as_secs_f64());
        }
    }
    let mut running = Vec::new();
    for candidate in &candidates {
        running.push(candidate.start(WORKERS, world).await);
    }
    for block in 0..BLOCKS {
        for (running, measured) in running.iter_mut().zip(&mut all) {
            let (start, before) = (Instant::now(), running.cpu().await);
            let logins = running.load(start + BLOCK).await;
            let (took, spent) = (start.elapsed(), running.cpu().await - before);
            if block > 0 {
                measured.warm.push(spent.as_secs_f64() / logins);
                measured.rate.push(logins / took.as_secs_f64());
            }
        }
    }
    for (running, measured) in running.iter().zip(&mut all) {
        measured.memory.push(running.memory());
    }
    let names = candidates.each_ref().map(Candidate::name);
    let bars = |value: fn(&Measured) -> &[f64]| -> Vec<(&str, f64)> {
        names.iter().zip(&all).map(|(name, measured)| (*name, median(value(measured)).unwrap_or_default())).collect()
    };
    let svg = plot::draw(&bars(|measured| &measured.start), &bars(|measured| &measured.warm));
    std::fs::write(root().join("tools/peers/plot.svg"), svg).expect("the plot is written");
    section(names, &all, &load)
}

fn section(names: [&str; 4], all: &[Measured; 4], load: &str) -> String {
    let line = |what: &str, unit: &str, scale: f64, digits: usize, value: fn(&Measured) -> &[f64]| {
        let cells = all.each_ref().map(|measured| {
            let value = median(value(measured)).unwrap_or_default() / scale;
            format!("{value:.digits$} {unit}").trim_end().to_owned()
        });
        format!("| {what} | {} |\n", cells.join(" | "))
    };
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let mut section = format!(
        "## Peers\n\nMade by `tools/peers/run` on {} {} with {cores} cores, whose load average was {load} before and {} after. Medians of \
         {STARTS} starts and of {} times {} s of load, all in turn. What is compared and what is not stands below the table.\n\n\
         | median | {} |\n| --- | --- | --- | --- | --- |\n",
        std::env::consts::OS,
        std::env::consts::ARCH,
        report::load(),
        BLOCKS - 1,
        BLOCK.as_secs(),
        names.join(" | "),
    );
    section += &line("start to first answer", "ms", 1e-3, 1, |measured| &measured.start);
    section += &line("CPU from start to first answer", "ms", 1e-3, 1, |measured| &measured.first);
    section += &line("CPU a login, warm", "ms", 1e-3, 3, |measured| &measured.warm);
    section += &line("logins a second", "", 1.0, 0, |measured| &measured.rate);
    section += &line("memory under load (PSS)", "MB", 1e6, 1, |measured| &measured.memory);
    section + "\n" + WHAT_IS_COMPARED
}

const WHAT_IS_COMPARED: &str = "\
- The functions are the release binaries, two instances of each, handed events by a Runtime API in the benchmark's process. The peers are \
servers: gunicorn with two workers, reached over plain HTTP. Load and stand-ins share the two cores with all of them.
- Everybody asks the same stand-in for WeChat over HTTPS, which answers at once, and trusts the public authorities besides its own. wechatpy \
keeps its connection; the pasted view calls `requests.get`, which makes a TLS context and a connection for each login.
- A login of ours is stored by DynamoDB, over HTTPS too: a stand-in answers for it, and its work is not in the figures. The peers' SQLite \
is in theirs. The user exists, so that the view only reads it; what it opens stays in one worker's memory.
- What API Gateway and Lambda add to a deployed function, for each call and for each new instance, is not in the figures, nor is a \
server's load balancer. A server starts once, a function as often as the load asks for it. WeChat's distance is the same for all.
- The null handler asks nobody for anything: it is the floor.
";

impl<'a> Candidate<'a> {
    fn name(&self) -> &'a str {
        match self {
            Self::Function(name, _) => name,
            Self::Server(program) => program.name,
        }
    }

    /// Starts it: so many instances of a function, or a server.
    async fn start(&self, instances: usize, world: &World) -> Running<'a> {
        match self {
            Self::Function(_, function) => {
                Running::Instances(function, join_all((0..instances).map(|_| function.start(world))).await)
            }
            Self::Server(program) => Running::Server(Server::start(program, &target().join("peers"), world).await),
        }
    }
}

impl Running<'_> {
    async fn log_in(&mut self) {
        match self {
            Self::Instances(function, instances) => drop(function.call(&mut instances[0]).await),
            Self::Server(server) => server.log_in().await,
        }
    }

    /// Logs users in until `end`, without a pause: how many.
    async fn load(&mut self, end: Instant) -> f64 {
        let counts = match self {
            Self::Instances(function, instances) => {
                let function = *function;
                join_all(instances.iter_mut().map(|instance| async move {
                    let mut count = 0.0;
                    while Instant::now() < end {
                        function.call(instance).await;
                        count += 1.0;
                    }
                    count
                }))
                .await
            }
            Self::Server(server) => {
                let server = &*server;
                join_all((0..CLIENTS).map(|_| async move {
                    let mut count = 0.0;
                    while Instant::now() < end {
                        server.log_in().await;
                        count += 1.0;
                    }
                    count
                }))
                .await
            }
        };
        counts.iter().sum()
    }

    /// The CPU time of all its processes so far.
    async fn cpu(&self) -> Duration {
        match self {
            Self::Instances(_, instances) => join_all(instances.iter().map(Instance::cpu)).await.into_iter().sum(),
            Self::Server(server) => server.processes().into_iter().map(crate::instance::cpu).sum(),
        }
    }

    /// The memory of all its processes, what they share counted once, in bytes.
    fn memory(&self) -> f64 {
        match self {
            Self::Instances(_, instances) => instances.iter().map(|instance| server::memory(instance.pid())).sum(),
            Self::Server(server) => server.processes().into_iter().map(server::memory).sum(),
        }
    }
}
