//! One call of one plugin: a fresh store with its limits, and what came of it.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt as _;
use jiff::Timestamp;
use osc_plugin_api::host::Level;
use tokio::task::JoinHandle;
use wasmtime::component::{Component, HasSelf, Linker, ResourceTable};
use wasmtime::{Engine, ResourceLimiter, Store, Trap, UpdateDeadline};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::bindings::deployer::DeployerPluginPre;
use super::bindings::imports::osc::host;
use super::bindings::imports::osc::types::types;
use super::bindings::scanner::ScannerPluginPre;
use super::catalog::Plugin;
use super::cluster::ClusterReader;
use super::engine::{CROSSING, MEMORY, Sandbox, wasmtime_error};
use super::grants::Effective;
use super::logs::Volume;
use super::{Environment, virtual_time};
use crate::registry::archive::Package;

/// Bytes of standard error that are kept: a panic's message.
const STDERR: usize = 4_096;
const RESOURCES: usize = 1_000;

/// What a call is about. Nothing of it ever comes from the guest.
#[derive(Clone)]
pub struct Call {
    /// Whose call it is; none for the platform's own.
    pub tenant: Option<i64>,
    pub package: Option<Arc<Package>>,
    /// The instance's cluster; none reads as an empty cluster.
    pub cluster: Option<Arc<dyn ClusterReader>>,
    /// The instance's namespace: all that `cluster` shows of namespaced objects.
    pub namespace: Option<String>,
    /// While planning: clock and random numbers that come again when the plan is made again.
    pub virtual_time: Option<VirtualTime>,
    /// For the whole call, waiting for a free place included.
    pub deadline: Duration,
}

impl Default for Call {
    fn default() -> Self {
        Call {
            tenant: None,
            package: None,
            cluster: None,
            namespace: None,
            virtual_time: None,
            deadline: Duration::from_secs(30),
        }
    }
}

/// A frozen clock and the seed of all random numbers.
#[derive(Clone, Debug)]
pub struct VirtualTime {
    pub seed: [u8; 32],
    pub now: Timestamp,
}

/// Something that a call read from outside, so that a plan can say what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// `v1 ConfigMap ns/name`, `v1 Pod ns/* (app=web)` or `kv key`.
    pub object: String,
    /// `sha256:...` of what was found, empty when nothing was.
    pub digest: String,
}

/// An exported function with its request.
#[derive(Clone, Debug)]
pub(crate) enum Function {
    Detect,
    Inspect,
    Lint,
    Form,
    Render(String),
    Plan(String),
    Status(String),
    Scan(String),
}

impl Function {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Function::Detect => "detect",
            Function::Inspect => "inspect",
            Function::Lint => "lint",
            Function::Form => "form",
            Function::Render(_) => "render",
            Function::Plan(_) => "plan",
            Function::Status(_) => "status",
            Function::Scan(_) => "scan",
        }
    }
}

/// A component linked with what it is granted, ready to be instantiated.
pub(crate) struct Code {
    deployer: Option<DeployerPluginPre<State>>,
    scanner: Option<ScannerPluginPre<State>>,
}

impl Code {
    pub(crate) fn link(engine: &Engine, component: &Component, plugin: &Plugin) -> anyhow::Result<Code> {
        let linked = link(engine, component, &plugin.grants).map_err(wasmtime_error)?;
        let plays = |role| plugin.description.plays(role);
        let deployer = plays(osc_plugin_api::manifest::Role::Deployer)
            .then(|| DeployerPluginPre::new(linked.clone()))
            .transpose()
            .map_err(wasmtime_error)?;
        let scanner = plays(osc_plugin_api::manifest::Role::Scanner)
            .then(|| ScannerPluginPre::new(linked.clone()))
            .transpose()
            .map_err(wasmtime_error)?;
        Ok(Code { deployer, scanner })
    }

    /// Instantiates once, so that types that do not fit show when a plugin is installed and not when it is used.
    pub(crate) async fn try_out(&self, sandbox: &Sandbox, state: State) -> anyhow::Result<()> {
        let _running = sandbox.running();
        let mut store = new_store(&sandbox.engine, state, Instant::now() + Duration::from_secs(10));
        if let Some(deployer) = &self.deployer {
            deployer.instantiate_async(&mut store).await.map_err(wasmtime_error)?;
        }
        if let Some(scanner) = &self.scanner {
            scanner.instantiate_async(&mut store).await.map_err(wasmtime_error)?;
        }
        Ok(())
    }

    async fn invoke(
        &self,
        store: &mut Store<State>,
        function: &Function,
    ) -> wasmtime::Result<Result<String, types::Error>> {
        if let Function::Scan(rendering) = function {
            let role = self.scanner.as_ref().ok_or_else(|| wasmtime::Error::msg("it is no scanner"))?;
            let instance = role.instantiate_async(&mut *store).await?;
            return instance.osc_plugin_scanner().call_scan(store, rendering).await;
        }
        let role = self.deployer.as_ref().ok_or_else(|| wasmtime::Error::msg("it is no deployer"))?;
        let instance = role.instantiate_async(&mut *store).await?;
        let deployer = instance.osc_plugin_deployer();
        match function {
            Function::Detect => deployer.call_detect(store).await,
            Function::Inspect => deployer.call_inspect(store).await,
            Function::Lint => deployer.call_lint(store).await,
            Function::Form => deployer.call_form(store).await,
            Function::Render(request) => deployer.call_render(store, request).await,
            Function::Plan(request) => deployer.call_plan(store, request).await,
            Function::Status(request) => deployer.call_status(store, request).await,
            Function::Scan(_) => Err(wasmtime::Error::msg("a scan is no function of deployers")),
        }
    }
}

/// A linker that holds only granted interfaces, and the empty WASI that languages insist on.
fn link(
    engine: &Engine,
    component: &Component,
    grants: &Effective,
) -> wasmtime::Result<wasmtime::component::InstancePre<State>> {
    let mut linker = Linker::<State>::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    let l = &mut linker;
    host::log::add_to_linker::<_, HasSelf<State>>(l, |state| state)?;
    host::config::add_to_linker::<_, HasSelf<State>>(l, |state| state)?;
    if grants.interface("package") {
        host::package::add_to_linker::<_, HasSelf<State>>(l, |state| state)?;
    }
    if grants.interface("kv") {
        host::kv::add_to_linker::<_, HasSelf<State>>(l, |state| state)?;
    }
    if grants.interface("cluster") {
        host::cluster::add_to_linker::<_, HasSelf<State>>(l, |state| state)?;
    }
    if grants.interface("http") {
        host::http::add_to_linker::<_, HasSelf<State>>(l, |state| state)?;
    }
    if grants.interface("transform") {
        host::transform::add_to_linker::<_, HasSelf<State>>(l, |state| state)?;
    }
    linker.instantiate_pre(component)
}

/// What the host functions work on, for one call.
pub(crate) struct State {
    pub(super) plugin: Arc<Plugin>,
    pub(super) call: Call,
    pub(super) environment: Arc<Environment>,
    pub(super) volume: Volume,
    pub(super) reads: Vec<Read>,
    pub(super) warnings: Vec<String>,
    /// What the call wrote to its store while planning; dropped at the end, since a plan changes nothing.
    pub(super) overlay: BTreeMap<String, Option<Vec<u8>>>,
    /// Bytes that host functions gave to the guest.
    pub(super) given: usize,
    /// The guest waits for something outside; a time-out is then not its fault.
    pub(super) waiting: bool,
    memory: Memory,
    table: ResourceTable,
    wasi: WasiCtx,
    stderr: MemoryOutputPipe,
}

impl State {
    pub(crate) fn new(plugin: Arc<Plugin>, call: Call, environment: Arc<Environment>) -> State {
        let stderr = MemoryOutputPipe::new(STDERR);
        let mut wasi = WasiCtx::builder();
        wasi.stderr(stderr.clone()).allow_tcp(false).allow_udp(false).max_random_size(64 << 10);
        if let Some(time) = &call.virtual_time {
            virtual_time::apply(&mut wasi, time);
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        State {
            plugin,
            call,
            environment,
            volume: Volume::default(),
            reads: Vec::new(),
            warnings: Vec::new(),
            overlay: BTreeMap::new(),
            given: 0,
            waiting: false,
            memory: Memory::default(),
            table,
            wasi: wasi.build(),
            stderr,
        }
    }

    /// Notes something that was read, once.
    pub(super) fn note_read(&mut self, object: String, digest: String) {
        let read = Read { object, digest };
        if !self.reads.contains(&read) {
            self.reads.push(read);
        }
    }

    pub(super) fn warn(&mut self, warning: String) {
        if self.warnings.len() < 100 && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Runs something outside the guests' runtime, so that its connections live where the server's live.
    pub(super) async fn outside<T: Send + 'static>(
        &mut self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> wasmtime::Result<T> {
        self.waiting = true;
        let task = AbortOnDrop(self.environment.runtime.spawn(work));
        let done = task.join().await;
        self.waiting = false;
        done.map_err(|error| wasmtime::Error::msg(format!("the server's side of the call failed: {error}")))
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Counts linear memory and tables of all instances of the store together.
#[derive(Default)]
struct Memory {
    used: usize,
    elements: usize,
    refused: bool,
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _max: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let used = self.used.saturating_sub(current).saturating_add(desired);
        self.refused |= used > MEMORY;
        if used <= MEMORY {
            self.used = used;
        }
        Ok(used <= MEMORY)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _max: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let elements = self.elements.saturating_sub(current).saturating_add(desired);
        let fits = elements <= 1_000_000;
        if fits {
            self.elements = elements;
        }
        Ok(fits)
    }
}

/// What a function answered.
pub(crate) type Answer = Result<String, Failure>;

/// How a call ended.
pub(crate) struct Outcome<T> {
    pub(crate) answer: T,
    pub(crate) reads: Vec<Read>,
    pub(crate) warnings: Vec<String>,
}

/// Why a call gave no answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Failure {
    /// The plugin says no.
    Refused { code: String, message: String, details: String },
    /// The plugin broke a limit or trapped: counted against it.
    Fault(String),
    /// It waited too long for something outside, or for a free place.
    Late(String),
}

impl Failure {
    fn alone(self) -> Outcome<Answer> {
        Outcome { answer: Err(self), reads: Vec::new(), warnings: Vec::new() }
    }
}

/// Runs a function, on the guests' runtime when it is not over at once. Dropping the future stops the guest.
pub(crate) async fn run(
    sandbox: &Sandbox,
    code: Arc<Code>,
    state: State,
    function: Function,
) -> Outcome<Answer> {
    let deadline = state.call.deadline;
    let end = Instant::now() + deadline;
    let late = |what: &str| Failure::Late(format!("{what} within {} s", seconds(deadline))).alone();

    // First the plugin's own places, so that a busy plugin does not take everybody's.
    let places = async {
        let own = state.plugin.shared.permits.clone().acquire_owned().await.ok()?;
        Some((own, sandbox.permits.clone().acquire_owned().await.ok()?))
    };
    let Ok(Some(places)) = tokio::time::timeout_at(end.into(), places).await else {
        return late("no place was free to run it");
    };
    let running = sandbox.running();
    let engine = sandbox.engine.clone();
    let call = async move {
        let _kept = (places, running);
        let mut store = new_store(&engine, state, end);
        let ended = tokio::time::timeout_at(end.into(), code.invoke(&mut store, &function)).await;
        outcome(ended.ok(), &mut store)
    };
    let mut call = Box::pin(AssertUnwindSafe(call).catch_unwind());
    // A call that ends at once is over sooner than another thread wakes up. One that does not leaves the server's
    // threads after a tick of the clock, or when it waits.
    let ended = match futures::poll!(call.as_mut()) {
        Poll::Ready(ended) => ended.ok(),
        Poll::Pending => AbortOnDrop(sandbox.handle().spawn(call)).join().await.ok().and_then(Result::ok),
    };
    ended.unwrap_or_else(|| Failure::Late("the server stopped the call".into()).alone())
}

fn new_store(engine: &Engine, state: State, end: Instant) -> Store<State> {
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(CROSSING);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        if Instant::now() >= end { Err(Trap::Interrupt.into()) } else { Ok(UpdateDeadline::Yield(1)) }
    });
    store
}

fn outcome(
    ended: Option<wasmtime::Result<Result<String, types::Error>>>,
    store: &mut Store<State>,
) -> Outcome<Answer> {
    let state = store.data_mut();
    let logs = &state.plugin.shared.logs;
    state.volume.finish(logs);
    let stderr = state.stderr.contents();
    let answer = match ended {
        Some(Ok(Ok(answer))) => Ok(answer),
        Some(Ok(Err(refusal))) => Err(Failure::Refused {
            code: shortened(refusal.code, 100),
            message: shortened(refusal.message, 16 << 10),
            details: if refusal.details.len() > 1 << 20 { "{}".into() } else { refusal.details },
        }),
        Some(Err(error)) => Err(fault(&error, state, &stderr)),
        None => Err(late(state)),
    };
    if !stderr.is_empty() {
        logs.write(Level::Error, String::from_utf8_lossy(&stderr).trim());
    }
    if let Err(Failure::Fault(message) | Failure::Late(message)) = &answer {
        logs.write(Level::Error, message);
    }
    Outcome { answer, reads: std::mem::take(&mut state.reads), warnings: std::mem::take(&mut state.warnings) }
}

fn late(state: &State) -> Failure {
    let message = format!("it did not end within {} s", seconds(state.call.deadline));
    if state.waiting { Failure::Late(message) } else { Failure::Fault(message) }
}

/// A trap in words that say which limit it broke.
fn fault(error: &wasmtime::Error, state: &State, stderr: &Bytes) -> Failure {
    let panicked = String::from_utf8_lossy(stderr);
    let panicked =
        panicked.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("note:"));
    let panicked = panicked.collect::<Vec<_>>().join(" ");
    let full = format!("{error:#}");
    Failure::Fault(match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => return late(state),
        _ if state.memory.refused => format!("it asked for more than {} MiB of memory", MEMORY >> 20),
        Some(Trap::StackOverflow) => "it recursed too deeply".into(),
        Some(Trap::MemoryOutOfBounds) => "it left its memory, by deep recursion most likely".into(),
        Some(Trap::UnreachableCodeReached) if !panicked.is_empty() => panicked,
        Some(trap) => format!("it trapped: {trap}"),
        None if full.contains("fuel allocated for hostcalls") => {
            format!("it handed over more than {} MiB at once", CROSSING >> 20)
        }
        None => shortened(full, 1_000),
    })
}

fn seconds(duration: Duration) -> String {
    let text = format!("{:.3}", duration.as_secs_f64());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn shortened(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let end = (0..=limit).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// A task that ends with whoever waits for it.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> AbortOnDrop<T> {
    async fn join(mut self) -> Result<T, tokio::task::JoinError> {
        (&mut self.0).await
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
