//! The engine, its clock, and the small runtime that guests run on: a spinning guest must not slow the API down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Semaphore;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::error::Result;

/// Bytes of memory that one call may use.
pub(crate) const MEMORY: usize = 256 << 20;
/// Bytes that may cross from a guest in one host call or answer.
pub(crate) const CROSSING: usize = 32 << 20;
/// Calls that run at once; the pool is larger, so that it never refuses one.
const CALLS: usize = 32;
const TICK: Duration = Duration::from_millis(10);

/// Whether instances come from a pool: quick for a server, slow to set up for one call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allocation {
    Pooled,
    OnDemand,
}

/// Where guests run.
pub(crate) struct Sandbox {
    pub(crate) engine: Engine,
    pub(crate) permits: Arc<Semaphore>,
    runtime: Option<Runtime>,
    ticker: Ticker,
}

impl Sandbox {
    pub(crate) fn new(allocation: Allocation) -> Result<Sandbox> {
        let engine = Engine::new(&config(allocation)).map_err(wasmtime_error).context("starting wasmtime")?;
        let threads = std::thread::available_parallelism().map_or(2, usize::from).min(4);
        let threads = if allocation == Allocation::OnDemand { 1 } else { threads };
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("osc-guest")
            .enable_time()
            .build()
            .context("starting the runtime of plugins")?;
        let ticker = Ticker::start(&engine)?;
        Ok(Sandbox { engine, permits: Arc::new(Semaphore::new(CALLS)), runtime: Some(runtime), ticker })
    }

    /// The guests' runtime.
    pub(crate) fn handle(&self) -> &Handle {
        self.runtime.as_ref().expect("it is taken only on drop").handle()
    }

    /// Keeps the clock ticking as long as the answer lives.
    pub(crate) fn running(&self) -> Running {
        self.ticker.running()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // Waiting for guests is not allowed inside an async context, and nobody waits for them any more.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The settings that code is compiled with. All but the allocation are part of the cache's key.
pub(crate) fn config(allocation: Allocation) -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    // Products of 64 bits in one instruction: charts make RSA keys.
    config.wasm_wide_arithmetic(true);
    // Interpreters of templates recurse; pages of a stack cost only when they are touched.
    config.max_wasm_stack(4 << 20);
    config.async_stack_size(6 << 20);
    config.wasm_backtrace_max_frames(None);
    if allocation == Allocation::Pooled {
        let calls = u32::try_from(CALLS + CALLS / 2).expect("a small constant");
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(calls)
            .total_stacks(calls)
            .total_memories(calls * 2)
            .total_core_instances(calls * 40)
            .total_tables(calls * 10)
            .max_core_instances_per_component(64)
            .max_memories_per_component(8)
            .max_tables_per_component(32)
            .max_memory_size(MEMORY)
            // Pages that a call touched are put right again where they are; giving them back costs faults later.
            .pagemap_scan(Enabled::Auto)
            .linear_memory_keep_resident(512 << 10)
            .table_keep_resident(64 << 10)
            .max_unused_warm_slots(8);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}

/// wasmtime has an error type of its own.
pub(crate) fn wasmtime_error(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

/// A thread that moves the epoch on while calls run, and sleeps otherwise.
struct Ticker {
    calls: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A call that runs.
pub(crate) struct Running {
    calls: Arc<AtomicUsize>,
}

impl Ticker {
    fn start(engine: &Engine) -> anyhow::Result<Ticker> {
        let calls = Arc::new(AtomicUsize::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let (seen, stopped, engine) = (calls.clone(), stop.clone(), engine.weak());
        let tick = move || {
            while !stopped.load(Ordering::Acquire) {
                if seen.load(Ordering::Acquire) == 0 {
                    std::thread::park();
                    continue;
                }
                std::thread::sleep(TICK);
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
            }
        };
        let thread = std::thread::Builder::new().name("osc-guest-clock".into()).spawn(tick);
        Ok(Ticker { calls, stop, thread: Some(thread.context("starting the clock of plugins")?) })
    }

    fn running(&self) -> Running {
        if self.calls.fetch_add(1, Ordering::AcqRel) == 0 {
            self.unpark();
        }
        Running { calls: self.calls.clone() }
    }

    fn unpark(&self) {
        if let Some(thread) = self.thread.as_ref().map(JoinHandle::thread) {
            Thread::unpark(thread);
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.unpark();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.calls.fetch_sub(1, Ordering::AcqRel);
    }
}
