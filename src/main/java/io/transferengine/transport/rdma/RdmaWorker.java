// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.os.NativeCallException;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.TransferTask;
import io.transferengine.verbs.CompletionChannel;
import io.transferengine.verbs.CompletionQueue;
import io.transferengine.verbs.SendWorkRequestRing;
import io.transferengine.verbs.WorkCompletions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A thread of a device that posts requests and takes their completions.
 *
 * <p><b>Pull.</b> Tasks are queued at endpoints. A turn of the loop claims requests of the first
 * task, as many as the queue pair and the completion queue have room for, and posts them as one
 * chain with one doorbell. Then the task goes to the end of its endpoint's queue.
 *
 * <p><b>Room.</b> A request has a place in its queue pair's ring from the post until a completion
 * covers it. Only some requests ask for a completion. When it arrives, the requests before it on
 * the same queue pair are complete too, since a reliable connection keeps their order. After an
 * error every remaining request completes with an error, even if it asked for no completion. So no
 * more requests are posted in all than the completion queue has entries.
 *
 * <p><b>Exceptions</b> (no memory is left, a bug of ours) end only what they hit: the transfer
 * whose requests were being claimed, or the endpoint whose queue pair is in doubt. Places in a ring
 * that were taken and not posted are given back. Only a broken completion queue, or nothing but
 * failures for a long time, end the worker. {@link EndpointEnds} ends endpoints.
 *
 * <p><b>Waiting.</b> After work the loop checks for more at once. If requests are posted, it polls
 * for a moment, provided that there is another processor for the peer's work; the moment is longer
 * if polling was successful lately. Then, or if nothing is posted, it asks for an event and sleeps
 * in poll(2).
 *
 * <p><b>Callers.</b> A platform thread that submits a small transfer while the worker sleeps and
 * nothing is posted posts it itself, and looks once: nobody has to be woken. Meanwhile all that
 * belongs to the worker belongs to it ({@link CommandQueue#borrow}; ADR 51).
 *
 * <p>Any thread may call {@link #execute} and the methods that use it. All else belongs to the
 * worker's thread.
 */
final class RdmaWorker implements Runnable, RdmaEndpoint.Worker, EndpointEnds.Loop {
  private static final Logger log = LoggerFactory.getLogger(RdmaWorker.class);

  /** The longest chain for one doorbell: longer ones only delay the first completion. */
  private static final int CHAIN_MAX = 32;

  private static final int POLL_BATCH = 64;

  /**
   * The most bytes on one queue pair: many more than a link holds (400 Gb/s times 20 µs are 1 MB),
   * and few enough that a small transfer after them does not wait long.
   */
  private static final long QUEUE_MAX_BYTES = 8L << 20;

  /** The most chains in a row for one endpoint, before completions and other endpoints. */
  private static final int CHAINS_PER_TURN = 8;

  /** The most bytes that a caller posts itself: more take longer to move than to wake for. */
  private static final long CALLER_MAX_BYTES = 64 << 10;

  private final RdmaDevice device;
  private final EngineMetrics metrics;
  private final CompletionChannel channel;
  private final CompletionQueue queue;
  private final WorkCompletions completions = new WorkCompletions(POLL_BATCH);
  private final SendWorkRequestRing chain;
  private final PostingSink sink;
  private final Thread thread;
  private final CommandQueue commands = new CommandQueue(new Channel());

  private final SlotTable slots = new SlotTable();

  /** The endpoints with queued tasks. */
  private final ArrayList<RdmaEndpoint> busy = new ArrayList<>();

  private final WorkerTimers timers = new WorkerTimers();
  private final EndpointEnds ends;
  private final RequestErrors errors;
  private final int postedMax;
  private int posted;
  private final FailedTurns failedTurns = new FailedTurns();
  private final PollingTime polling;

  /** The thread waits for completions and for commands at once. */
  private final class Channel implements CommandQueue.Bed {
    @Override
    public void sleep(int maxMillis) {
      channel.await(maxMillis);
    }

    @Override
    public void wakeUp() {
      channel.wakeUp();
    }
  }

  /** Makes the completion queue and its channel; {@link #start} starts the thread. */
  RdmaWorker(RdmaDevice device, EndpointStore endpoints, ControlThreads ending, int index) {
    this.device = device;
    this.metrics = device.metrics();
    this.chain = new SendWorkRequestRing(CHAIN_MAX, device.rangesMax());
    this.sink = new PostingSink(chain, device);
    this.ends = new EndpointEnds(this, device, endpoints, ending, slots, timers);
    this.errors = new RequestErrors(device, ends);
    this.polling = new PollingTime(device.settings().busyPollNanos());
    this.thread =
        Thread.ofPlatform().daemon().name("te-rdma-" + device.name() + "-" + index).unstarted(this);
    channel = device.context().createCompletionChannel();
    try {
      queue = device.createCompletionQueue(channel, index);
      // The rest is for completions of queue pairs that were destroyed with posted requests.
      postedMax = Math.max(1, queue.capacity() - Math.min(POLL_BATCH, queue.capacity() / 4));
    } catch (Throwable t) {
      channel.close();
      throw t;
    }
  }

  CompletionQueue completionQueue() {
    return queue;
  }

  void start() {
    thread.start();
  }

  // ---- any thread

  @Override
  public void execute(Runnable command) {
    commands.add(command);
  }

  void attach(RdmaEndpoint endpoint) {
    execute(() -> ends.attach(endpoint));
  }

  @Override
  public void assign(RdmaEndpoint endpoint, TransferTask task, boolean isNew) {
    boolean small = task.blockCount() <= CHAIN_MAX && task.totalBytes() <= CALLER_MAX_BYTES;
    // A virtual thread may be unmounted at a lock, and the whole card would wait for it.
    boolean posts = isNew && small && !Thread.currentThread().isVirtual();
    if (!posts || !postHere(endpoint, task)) {
      execute(() -> assignNow(endpoint, task));
    }
  }

  /**
   * Posts the task's requests, and takes what is complete at once. Only if the worker sleeps and
   * nothing is posted: else it is awake soon, and many requests need one doorbell there.
   *
   * @return whether the task is taken care of
   */
  private boolean postHere(RdmaEndpoint endpoint, TransferTask task) {
    if (!commands.borrow()) {
      return false;
    }
    boolean isIdle = false;
    boolean wake = true;
    try {
      isIdle = posted == 0 && busy.isEmpty();
      int timed = timers.added();
      if (isIdle) {
        assignNow(endpoint, task);
        sink.sendsAtOnce(task);
        boolean _ = postAll();
        int _ = poll();
        if (posted > 0) {
          // The worker sleeps on, until the event of what is not complete yet.
          queue.requestNotification();
          int _ = poll();
        }
      }
      wake = isIdle && (!busy.isEmpty() || timers.added() != timed);
    } catch (Throwable t) {
      survived("What a caller posted", t);
    } finally {
      sink.sendsAtOnce(null);
      commands.giveBack(wake);
    }
    return isIdle;
  }

  @Override
  public void settleSoon(RdmaEndpoint endpoint, TransferTask task) {
    execute(() -> ends.cutOff(endpoint, task));
  }

  /** The last resort for a task that is not settled: ends the endpoints that hold it. */
  void cutOff(TransferTask task) {
    execute(() -> ends.force(task));
  }

  @Override
  public void close(RdmaEndpoint endpoint, String reason) {
    execute(ends.closing(endpoint, reason));
  }

  @Override
  public CompletableFuture<Boolean> probe(RdmaEndpoint endpoint) {
    CompletableFuture<Boolean> answer = new CompletableFuture<>();
    execute(() -> probeNow(endpoint, answer));
    return answer;
  }

  /** Makes the worker check for waiting work, because the device can send again. */
  void resume() {
    execute(() -> {});
  }

  /** Tells the worker to end all endpoints and then its thread. Idempotent. */
  void stop() {
    commands.stop();
  }

  /** Waits for the thread, at most until {@code endNanos}; {@code true} if it has ended. */
  boolean awaitEnd(long endNanos) {
    boolean interrupted = false;
    while (thread.isAlive()) {
      long leftNanos = endNanos - System.nanoTime();
      try {
        if (leftNanos <= 0 || thread.join(Duration.ofNanos(leftNanos))) {
          break;
        }
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return !thread.isAlive();
  }

  /** Gives the queues back. The thread must have ended, or never have been started. */
  void release() {
    String what = thread.getName();
    RdmaDevice.quietly(what, queue::close);
    RdmaDevice.quietly(what, channel::close);
    RdmaDevice.quietly(what, completions::close);
    RdmaDevice.quietly(what, chain::close);
  }

  // ---- the loop

  @Override
  public void run() {
    try {
      while (!commands.isStopping()) {
        try {
          turn();
          failedTurns.over();
        } catch (NativeCallException e) {
          throw e; // The completion queue is broken.
        } catch (Throwable t) {
          if (failedTurns.first()) {
            survived("A turn", t); // the next ones in a row would only fill the log
          } else if (!failedTurns.worthAnother()) {
            throw t;
          }
        }
      }
    } catch (Throwable t) {
      // Queued tasks end at their deadlines. New work uses other devices.
      device.fail();
      survived("The worker's loop", t);
    }
    closeAll();
  }

  @Override
  public void survived(String what, Throwable t) {
    try {
      log.error("{}: {} failed", thread.getName(), what, t);
    } catch (Throwable noMemoryForIt) {
      // The work goes on all the same.
    }
  }

  private void turn() {
    boolean worked = runCommands();
    worked |= poll() > 0;
    worked |= timers.run();
    worked |= postAll();
    if (!worked) {
      await();
    }
  }

  private boolean runCommands() {
    boolean any = false;
    for (Runnable command = commands.poll(); command != null; command = commands.poll()) {
      any = true;
      command.run();
    }
    return any;
  }

  private void await() {
    if (posted > 0) {
      if (findCompletions()) {
        return;
      }
      queue.requestNotification();
      if (poll() > 0) {
        return;
      }
    }
    commands.sleepWhileEmpty(timers.waitMillis());
  }

  /** Polls for a moment. {@return whether there is something to do now} */
  private boolean findCompletions() {
    if (!polling.isAllowed()) {
      return false;
    }
    long endNanos = System.nanoTime() + polling.nanos();
    do {
      if (poll() > 0 || !commands.isEmpty()) {
        polling.hasPaid(true);
        return true;
      }
      Thread.onSpinWait();
    } while (System.nanoTime() - endNanos < 0);
    polling.hasPaid(false);
    return false;
  }

  // ---- posting

  private boolean postAll() {
    if (busy.isEmpty() || !device.isUsable()) {
      return false;
    }
    boolean any = false;
    for (int i = busy.size() - 1; i >= 0; i--) {
      RdmaEndpoint endpoint = busy.get(i);
      any |= post(endpoint);
      if (endpoint.isClosing() || !endpoint.hasTasks()) {
        busy.remove(i);
      }
    }
    return any;
  }

  private boolean post(RdmaEndpoint endpoint) {
    RdmaEndpoint.Sender sender = endpoint.sender().orElse(null);
    if (sender == null) {
      return false;
    }
    boolean any = false;
    for (int chains = 0; chains < CHAINS_PER_TURN && !endpoint.isClosing(); ) {
      TransferTask task = endpoint.firstTask();
      if (task == null) {
        break;
      }
      SendQueue onto = endpoint.leastLoaded();
      int room = Math.min(CHAIN_MAX, Math.min(onto.ring.room(), postedMax - posted));
      long bytes =
          Math.min(
              QUEUE_MAX_BYTES - onto.ring.bytes(),
              sender.shareBytes(task) - endpoint.postedBytes());
      if (room <= 0 || bytes <= 0) {
        break;
      }
      if (!sender.aim(sink)) {
        TransferException gone = WorkErrors.noSuchDevice(endpoint.peerPath());
        ends.begin(endpoint, String.valueOf(gone.getMessage()), Optional.of(gone));
        break;
      }
      int claimed;
      try {
        sink.begin(onto);
        claimed = task.claim(sink, room, bytes, device.settings().requestMaxBytes());
      } catch (Throwable t) {
        claimFailed(endpoint, onto, task, t);
        continue;
      }
      if (claimed == 0) {
        endpoint.dequeue(task);
        sender.exhausted(task);
        continue;
      }
      any = true;
      chains++;
      postChain(endpoint, onto, task, sender);
      endpoint.rotate();
    }
    if (any) {
      // Behind the post: in User Mode Linux the kernel gets on meanwhile. A look at once is early.
      endpoint.used();
    }
    return any;
  }

  /** Ends the task: the claimed requests are not posted, and others may be lost. */
  private void claimFailed(RdmaEndpoint endpoint, SendQueue onto, TransferTask task, Throwable t) {
    survived("Claiming requests", t);
    endpoint.dequeue(task);
    task.end(TransferState.FAILED, WorkErrors.localFault(), FailureCause.LOCAL);
    onto.giveBackLast(sink.takeUnposted());
    sink.settleUnknown(task, WorkErrors.localFault());
  }

  private void postChain(
      RdmaEndpoint endpoint, SendQueue onto, TransferTask task, RdmaEndpoint.Sender sender) {
    int count = sink.end();
    if (count > 0) {
      int accepted = count;
      try {
        accepted = onto.queuePair.post(chain, count);
      } catch (Throwable t) {
        // The device may have them. They stay in the ring until the queue pair is destroyed.
        survived("Posting", t);
        ends.begin(endpoint, "a post failed", Optional.of(WorkErrors.localFault()));
      }
      posted += accepted;
      int _ = sink.takeUnposted();
      metrics.add(Counter.REQUESTS_SENT, accepted);
      if (onto.queuePair.lastErrno() != 0) {
        onto.giveBackLast(count - accepted);
        notPosted(endpoint, onto);
        sender.requeue(task);
      }
    }
    sink.settleUnknown(task);
  }

  // ---- completions

  private int poll() {
    int total = 0;
    int count;
    do {
      count = queue.poll(completions);
      for (int i = 0; i < count; i++) {
        long id = completions.workRequestId(i);
        try {
          completed(id, completions.status(i), completions.vendorError(i));
        } catch (Throwable t) {
          completionFailed(id, t);
        }
      }
      total += count;
    } while (count == POLL_BATCH);
    return total;
  }

  /** Ends the endpoint of a completion that could not be taken; the others are taken. */
  private void completionFailed(long workRequestId, Throwable t) {
    survived("Taking a completion", t);
    SlotTable.Place place = slots.of(workRequestId);
    if (place != null) {
      ends.begin(place.endpoint(), "a completion was lost", Optional.of(WorkErrors.localFault()));
    }
  }

  private void completed(long workRequestId, int status, int vendorError) {
    SlotTable.Place place = slots.of(workRequestId);
    long position = place == null ? -1 : place.queue().positionOf(workRequestId);
    if (place == null || position < 0) {
      return; // Its queue pair has been destroyed meanwhile.
    }
    RdmaEndpoint endpoint = place.endpoint();
    SendQueue of = place.queue();
    if (status == WorkErrors.SUCCESS && !of.hasFailed()) {
      settleThrough(endpoint, of, position);
    } else {
      boolean first = !of.hasFailed();
      if (first) {
        settleThrough(endpoint, of, position - 1);
      }
      // Before any step that may throw: now a completion no longer covers those before it.
      of.failedAt(position);
      if (first) {
        errors.first(endpoint, of, position, status, vendorError);
      }
    }
    if (endpoint.isClosing()) {
      ends.completed(endpoint);
    }
  }

  private void settleThrough(RdmaEndpoint endpoint, SendQueue of, long last) {
    PostedRing ring = of.ring;
    while (ring.first() <= last) {
      TransferTask task = ring.task(ring.first());
      int requests = 0;
      long bytes = 0;
      while (ring.first() <= last && ring.task(ring.first()) == task) {
        bytes += ring.length(ring.first());
        ring.removeFirst();
        requests++;
      }
      posted -= requests;
      if (task == null) {
        endpoint.probed(true);
      } else {
        try {
          device.arrivals().settle(task, requests, bytes);
        } catch (Throwable t) {
          // The requests are counted. A listener for the end has thrown.
          survived("Reporting a transfer's end", t);
        }
      }
    }
  }

  // ---- commands

  private void assignNow(RdmaEndpoint endpoint, TransferTask task) {
    if (endpoint.isClosing()) {
      endpoint.sender().ifPresent(sender -> sender.requeue(task));
      return;
    }
    try {
      endpoint.enqueue(task);
      if (!busy.contains(endpoint)) {
        busy.add(endpoint);
      }
    } catch (Throwable t) {
      survived("Queueing a transfer", t);
      endpoint.dequeue(task);
      task.end(TransferState.FAILED, WorkErrors.localFault(), FailureCause.LOCAL);
    }
  }

  private void probeNow(RdmaEndpoint endpoint, CompletableFuture<Boolean> answer) {
    SendQueue onto = endpoint.queues().getFirst();
    if (endpoint.joinProbe(answer)) {
      return;
    }
    if (endpoint.isClosing() || onto.ring.room() == 0 || posted >= postedMax) {
      answer.complete(!endpoint.isClosing());
      return;
    }
    chain.setEmpty(0, onto.workRequestId(onto.ring.end()));
    onto.ring.add(null, 0, 0, 0, 0);
    endpoint.setProbe(answer);
    int accepted = 1;
    try {
      accepted = onto.queuePair.post(chain, 1);
    } catch (Throwable t) {
      survived("Posting a probe", t);
      ends.begin(endpoint, "a post failed", Optional.of(WorkErrors.localFault()));
    }
    posted += accepted;
    endpoint.used();
    if (accepted == 0) {
      onto.ring.removeLast();
    }
    if (onto.queuePair.lastErrno() != 0) {
      notPosted(endpoint, onto);
    }
  }

  /** The provider did not take a request. Then the queue pair is of no use any more. */
  private void notPosted(RdmaEndpoint endpoint, SendQueue onto) {
    ends.begin(
        endpoint,
        "a request was not taken",
        Optional.of(WorkErrors.refusedPost(device.name(), onto.queuePair.lastErrno())));
  }

  @Override
  public void released(int requests) {
    posted -= requests;
  }

  private void closeAll() {
    drainCommands();
    ends.endAll();
    // Commands that arrived meanwhile find the endpoints closed.
    drainCommands();
  }

  private void drainCommands() {
    for (Runnable command = commands.poll(); command != null; command = commands.poll()) {
      try {
        command.run();
      } catch (Throwable t) {
        survived("A command", t);
      }
    }
  }
}
