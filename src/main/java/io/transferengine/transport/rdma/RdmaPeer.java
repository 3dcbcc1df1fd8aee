// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.logging.Anyway;
import io.transferengine.metrics.FailureCause;
import io.transferengine.topology.DevicePreference;
import io.transferengine.topology.Topology;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.Fallback;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.PeerEnd;
import io.transferengine.transport.TransferTask;
import io.transferengine.wire.SegmentDescriptor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A peer's segment, the paths to it, and the tasks that still have requests to hand out.
 *
 * <p>A task is queued at every path that suits it. The paths' workers claim requests from it while
 * they have room. So a large task is spread over all of these paths by their speed, and requests
 * that one path gives back use another. A path suits if its device is near the memory in which the
 * task begins. If no such path is open, the other paths suit. Without any open path a task waits
 * here: until a path opens, until its deadline, or until another transport takes it ({@link
 * Fallback}).
 *
 * <p>Thread-safe. The lock is held only briefly.
 */
final class RdmaPeer implements TransferTask.Owner, Fallback.Peer {
  /** The transport's services for a peer. */
  interface Helper {
    /** Starts to open a path. Does not block. */
    void open(RdmaPeer peer, RdmaPath path);

    /**
     * Gives a task without posted requests to another transport, if one reaches the peer. Returns
     * the name of that transport.
     */
    Optional<String> handOver(PeerAddress peer, TransferTask task);
  }

  private static final Logger log = LoggerFactory.getLogger(RdmaPeer.class);

  /**
   * A transfer of up to this many slices uses one path: waking a second worker would cost more than
   * it gains.
   */
  private static final int SLICES_PER_PATH = 4;

  /**
   * The bytes that a path may always have posted: about as many as a fast link holds (see
   * RdmaWorker).
   */
  private static final long SHARE_MIN_BYTES = 1L << 20;

  /** Failed paths are tried again for this long after the last transfer. */
  private static final long ACTIVE_NANOS = 10_000_000_000L;

  /** Not where they are used: a text takes memory when that is run for the first time. */
  private static final String FAILING = "Failing a transfer";

  private static final String CLOSING = "Closing a path";
  private static final String CLOSED = "the peer was closed";

  private final String name;
  private final Optional<String> incarnation;
  private final List<RdmaNic> nics;
  private final Registrations registrations;
  private final Supplier<Topology> topology;
  private final RdmaSettings settings;
  private final Helper helper;
  private final List<RdmaPath> paths = new ArrayList<>();
  private final Fallback fallback;
  private volatile PeerAddress address;
  private volatile RemoteBuffers buffers;

  // Guarded by this.
  private final OpenTasks open = new OpenTasks();
  private long usedNanos = System.nanoTime();
  private int nextPath;
  private @Nullable PeerEnd end;
  private int refusals;
  private boolean wasConnected;

  RdmaPeer(
      PeerAddress address,
      List<RdmaNic> nics,
      Registrations registrations,
      Supplier<Topology> topology,
      RdmaSettings settings,
      Helper helper) {
    this.nics = nics;
    this.registrations = registrations;
    this.topology = topology;
    this.settings = settings;
    this.helper = helper;
    this.address = address;
    this.name = address.descriptor().name();
    this.incarnation = address.descriptor().incarnation();
    this.buffers = new RemoteBuffers(address.descriptor());
    this.fallback = new Fallback(this, name, SegmentDescriptor.RDMA, settings.fallBackAfter());
    for (RdmaNic nic : nics) {
      paths.add(new RdmaPath(name, nic));
    }
  }

  String name() {
    return name;
  }

  Optional<String> incarnation() {
    return incarnation;
  }

  PeerAddress address() {
    return address;
  }

  RemoteBuffers buffers() {
    return buffers;
  }

  SegmentDescriptor descriptor() {
    return buffers.descriptor();
  }

  List<RdmaPath> paths() {
    return paths;
  }

  /** Takes the peer's newer descriptor. */
  void update(PeerAddress newest) {
    address = newest;
    buffers = new RemoteBuffers(newest.descriptor());
  }

  // ---- tasks

  void submit(TransferTask task) {
    task.setOwner(this);
    PeerEnd ended;
    synchronized (this) {
      ended = end;
      // It is as old as the task, which may have waited at another transport.
      if (task.progressNanos() - usedNanos > 0) {
        usedNanos = task.progressNanos();
      }
      if (ended == null) {
        open.add(task);
      }
    }
    if (ended != null) {
      fail(task, ended);
    } else if (task.isEnding()) {
      // It ended before it had an owner, so nobody has canceled its requests.
      exhausted(task);
    } else {
      dispatch(task, !task.isHandedOver());
    }
  }

  /** Gives the tasks that have waited a way, or another one. */
  private void dispatchAll(List<TransferTask> waiting) {
    for (TransferTask task : waiting) {
      dispatch(task, false);
    }
  }

  /** Queues a task as below. If that throws, only this task ends. */
  private void dispatch(TransferTask task, boolean isNew) {
    try {
      queueAtPaths(task, isNew);
    } catch (Throwable t) {
      log.error("Queueing a transfer to {} failed", name, t);
      task.end(TransferState.FAILED, WorkErrors.localFault(), FailureCause.LOCAL);
    }
  }

  /** Queues a task at the open paths that suit it, and starts to open others. */
  private void queueAtPaths(TransferTask task, boolean isNew) {
    List<RdmaPath> near = nearTo(task);
    List<RdmaPath> ready = openOf(near);
    List<RdmaPath> wanted = near;
    if (ready.isEmpty()) {
      ready = openOf(paths);
      boolean hopeless = near.stream().allMatch(path -> path.isSuspect() || !path.nic().isUsable());
      wanted = hopeless ? paths : near;
    }
    boolean small =
        task.totalBytes() <= (long) SLICES_PER_PATH * settings.sliceBytes()
            && task.blockCount() <= SLICES_PER_PATH;
    if (small && !ready.isEmpty()) {
      ready = List.of(ready.get(nextOf(ready.size())));
    } else {
      wanted.forEach(this::open);
    }
    for (RdmaPath path : ready) {
      // If the endpoint ends between the two calls, its end dispatches the task again.
      path.endpoint().ifPresent(endpoint -> endpoint.assign(task, isNew));
    }
    if (ready.isEmpty()) {
      fallback.watch();
    }
  }

  private void open(RdmaPath path) {
    helper.open(this, path);
  }

  private static List<RdmaPath> openOf(List<RdmaPath> of) {
    return of.stream().filter(RdmaPath::isOpen).toList();
  }

  private synchronized int nextOf(int count) {
    nextPath = (nextPath + 1) % count;
    return nextPath;
  }

  /**
   * {@return how many bytes a path may have posted while it claims from a task: an equal share}
   * Otherwise the worker that wakes up first would take all of a task of some megabytes. A faster
   * path still gets more in total: it claims again when its bytes have arrived.
   */
  private long shareBytes(TransferTask task) {
    int ready = 0;
    for (int i = 0; i < paths.size(); i++) {
      if (paths.get(i).isOpen()) {
        ready++;
      }
    }
    return ready <= 1 ? Long.MAX_VALUE : Math.max(SHARE_MIN_BYTES, task.totalBytes() / ready);
  }

  /** The paths of the devices near the memory that the task begins in. */
  private List<RdmaPath> nearTo(TransferTask task) {
    String location = registrations.snapshot().locationOf(task.firstLocal());
    DevicePreference devices = topology.get().devicesFor(location);
    List<RdmaPath> near =
        paths.stream().filter(path -> devices.preferred().contains(path.nic().name())).toList();
    return near.isEmpty() ? paths : near;
  }

  /** A task has no more requests to claim. */
  private synchronized void exhausted(TransferTask task) {
    if (!task.hasWork()) {
      open.remove(task);
    }
  }

  /** A task has got requests back. */
  @Override
  public void requeue(TransferTask task) {
    PeerEnd ended;
    synchronized (this) {
      ended = end;
      if (ended == null && task.hasWork()) {
        open.add(task);
      }
    }
    if (ended != null) {
      fail(task, ended);
    } else if (task.hasWork()) {
      dispatch(task, false);
    }
  }

  @Override
  public void cancelRequests(TransferTask task) {
    synchronized (this) {
      open.remove(task);
    }
    for (RdmaPath path : paths) {
      path.endpoint().ifPresent(endpoint -> endpoint.settleSoon(task));
    }
  }

  @Override
  public void cutOff(TransferTask task) {
    // At all endpoints, not only those of the paths: one that is ending may hold the task.
    for (RdmaNic nic : nics) {
      nic.workers().forEach(worker -> worker.cutOff(task));
    }
  }

  @Override
  public boolean isWaiting() {
    return !isClosed() && hasWork();
  }

  @Override
  public Optional<String> handOver(TransferTask task) {
    return helper.handOver(address, task);
  }

  /** {@return whether any task has requests to hand out} */
  synchronized boolean hasWork() {
    return open.haveWork();
  }

  /** {@return whether nothing waits and nothing is posted, roughly} */
  boolean isIdle() {
    return !hasWork()
        && paths.stream()
            .flatMap(path -> path.endpoint().stream())
            .allMatch(each -> each.postedCount() == 0);
  }

  /** {@return whether paths should be kept open: there is work, or was a short time ago} */
  boolean isActive() {
    if (hasWork()) {
      return true;
    }
    synchronized (this) {
      return end == null && System.nanoTime() - usedNanos < ACTIVE_NANOS;
    }
  }

  synchronized boolean isClosed() {
    return end != null;
  }

  // ---- paths

  /** The user of a path's endpoint. */
  private final class PathSender implements RdmaEndpoint.Sender {
    private final RdmaPath path;

    PathSender(RdmaPath path) {
      this.path = path;
    }

    @Override
    public boolean aim(PostingSink sink) {
      RemoteBuffers remote = buffers;
      int device = remote.deviceIndex(path.partner());
      if (device >= 0) {
        sink.aim(registrations.snapshot(), remote, device);
      }
      return device >= 0;
    }

    @Override
    public long shareBytes(TransferTask task) {
      return RdmaPeer.this.shareBytes(task);
    }

    @Override
    public void exhausted(TransferTask task) {
      RdmaPeer.this.exhausted(task);
    }

    @Override
    public void requeue(TransferTask task) {
      RdmaPeer.this.requeue(task);
    }

    @Override
    public void ended(RdmaEndpoint endpoint, Optional<TransferException> failure) {
      if (path.ended(endpoint, failure.isPresent())) {
        pathEnded(path, failure);
      }
    }

    @Override
    public boolean isBusy() {
      return hasWork();
    }

    @Override
    public void acknowledged() {
      path.retryNow();
    }
  }

  /** Gives a connected endpoint to its path. Returns false if the endpoint has ended already. */
  boolean connected(RdmaPath path, RdmaEndpoint endpoint) {
    PathSender sender = new PathSender(path);
    path.opened(endpoint, sender);
    if (endpoint.state() == RdmaEndpoint.State.CONNECTED) {
      return true;
    }
    // It was closed before it belonged to the path, so the path was not notified.
    sender.ended(endpoint, Optional.empty());
    return false;
  }

  /** A path has opened: all waiting tasks may use it. */
  void pathOpened(RdmaPath path) {
    fallback.wayIsOpen();
    List<TransferTask> waiting;
    synchronized (this) {
      refusals = 0;
      wasConnected = true;
      waiting = open.copy();
    }
    for (TransferTask task : waiting) {
      path.endpoint().ifPresent(endpoint -> endpoint.assign(task, false));
    }
  }

  /**
   * A path has ended: its work uses other paths, and it is opened again if there is work.
   *
   * @param failure present if the path is at fault
   */
  private void pathEnded(RdmaPath path, Optional<TransferException> failure) {
    failure.ifPresent(fallback::note);
    if (hasWay()) {
      List<TransferTask> waiting;
      synchronized (this) {
        waiting = open.copy();
      }
      dispatchAll(waiting);
    } else if (hasWork()) {
      fallback.watch();
    }
    // A path whose endpoint made room for others stays closed until it is needed.
    if (failure.isPresent() ? isActive() : hasWork()) {
      open(path);
    }
  }

  @Override
  public boolean hasWay() {
    return paths.stream().anyMatch(RdmaPath::isOpen);
  }

  /** An attempt to open a path failed, and the peer did not refuse. */
  void attemptFailed(TransferException why) {
    fallback.note(why);
  }

  /**
   * The peer refuses to connect. The reason may be temporary: it is starting, or it is full. So
   * transfers fail only after several refusals in a row. If the peer has let us connect before,
   * they do not fail, but wait until their deadlines: a C++ peer whose link was down refuses for
   * half a minute.
   *
   * @param beganNanos when we asked; what waits for less does not fail of it
   */
  void refused(long beganNanos, TransferException why) {
    fallback.note(why);
    boolean often;
    boolean hopeless;
    synchronized (this) {
      often = ++refusals == settings.refusalsMax();
      hopeless = refusals >= settings.refusalsMax() && !wasConnected;
    }
    if (hopeless && !hasWay()) {
      failThoseSince(beganNanos, why, FailureCause.REMOTE_REFUSED, FailureCause.REMOTE_REFUSED);
    } else if (often) {
      log.warn(
          "{} does not let us connect any more; transfers wait until it does, or until their"
              + " deadlines: {}",
          name,
          why.getMessage());
    }
  }

  /** The same, for a peer whose process is gone: nothing listens there any more. */
  void gone(long beganNanos, TransferException why) {
    if (!hasWay()) {
      failThoseSince(beganNanos, why, FailureCause.CONNECT, FailureCause.CONNECTION_LOST);
    }
  }

  private void failThoseSince(
      long beganNanos, TransferException why, FailureCause ofUntouched, FailureCause ofBegun) {
    List<TransferTask> failed;
    synchronized (this) {
      failed = open.takeWaitedSince(beganNanos);
    }
    for (TransferTask task : failed) {
      try {
        task.end(TransferState.FAILED, why, task.isStarted() ? ofBegun : ofUntouched);
      } catch (Throwable t) {
        Anyway.failed(log, FAILING, t);
      }
    }
  }

  @Override
  public synchronized List<TransferTask> takeIdle() {
    return open.takeQuiet();
  }

  /** No thread tries to open paths any more. */
  void rest() {
    fallback.forget();
  }

  /** Opens the paths that most transfers would take. */
  void warmUp() {
    synchronized (this) {
      usedNanos = System.nanoTime();
    }
    List<String> preferred = topology.get().devicesFor("*").preferred();
    for (RdmaPath path : paths) {
      if (preferred.contains(path.nic().name())) {
        open(path);
      }
    }
  }

  /** A device of ours can send again. */
  void retryPathsNow(RdmaNic nic) {
    for (RdmaPath path : paths) {
      if (path.nic() == nic) {
        path.retryNow();
        if (path.isOpen()) {
          pathOpened(path); // Tasks that came while it could not send are queued at no path.
        } else if (isActive()) {
          open(path);
        }
      }
    }
  }

  /** A device of ours cannot send for now: tasks that are queued there may use others. */
  void leave(RdmaNic nic) {
    List<TransferTask> waiting;
    synchronized (this) {
      waiting = open.copy();
    }
    if (paths.stream().anyMatch(path -> path.nic() == nic && path.endpoint().isPresent())) {
      dispatchAll(waiting);
    }
  }

  /**
   * Fails the waiting tasks and closes the endpoints. The first reason counts. In a full heap, too:
   * it links nothing when it runs, and needs no list.
   */
  void close(PeerEnd why) {
    PeerEnd first;
    synchronized (this) {
      first = end == null ? why : end;
      end = first;
    }
    for (TransferTask task = nextOpen(); task != null; task = nextOpen()) {
      try {
        if (task.hasWork()) {
          fail(task, first);
        }
      } catch (Throwable t) {
        Anyway.failed(log, FAILING, t);
      }
    }
    for (RdmaPath path : paths) {
      try {
        close(path);
      } catch (Throwable t) {
        Anyway.failed(log, CLOSING, t);
      }
    }
  }

  private synchronized @Nullable TransferTask nextOpen() {
    return open.takeFirst();
  }

  private static void close(RdmaPath path) {
    path.retryNow();
    Optional<RdmaEndpoint> endpoint = path.endpoint();
    if (endpoint.isPresent()) {
      endpoint.get().close(CLOSED);
    }
  }

  /**
   * A queue pair does not notice that its peer's process is gone before it is used, so most
   * transfers that find a restarted peer have posted requests. To a peer that may be well, these
   * may have arrived.
   */
  private void fail(TransferTask task, PeerEnd ended) {
    boolean hadEffect = ended == PeerEnd.RESTARTED ? task.completedBytes() > 0 : task.isStarted();
    task.end(TransferState.FAILED, ended.failure(name), ended.cause(hadEffect));
  }

  @Override
  public String toString() {
    return name;
  }
}
