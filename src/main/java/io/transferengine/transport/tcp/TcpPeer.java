// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.tls.PeerTls;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.PeerEnd;
import io.transferengine.transport.TransferTask;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A peer: what is known of it, the tasks for it and the lanes that they go out on. Says which lanes
 * are to look for work. Thread-safe.
 */
final class TcpPeer implements TransferTask.Owner, CallerLane.Of {
  private static final Logger log = LoggerFactory.getLogger(TcpPeer.class);

  /**
   * For each so many bytes of a task one lane more is set to it: copying so much takes a processor
   * longer than waking another.
   */
  private static final long BYTES_PER_LANE = 512L << 10;

  /** Connections in a row that end without one answer before the peer is given up for now. */
  private static final int FRUITLESS_LIMIT = 5;

  /** More than a lane ever has out: one that waits for staging is the last to be chosen. */
  private static final int DRY_LOAD = 1 << 20;

  /** So many small transfers that were waited for show that there will be more. */
  private static final int AWAITED_MIN = 16;

  private final PeerProfile profile;
  private final TaskQueue tasks;
  private final Lane[] lanes;
  private final EventLoops loops;
  private final IoBackend backend;

  /** Small transfers whose submitters waited for them, up to those that make a lane for it. */
  private int awaited;

  private volatile @Nullable CallerLane callerLane;

  /** With that for callers, once there is one. */
  private volatile Lane[] all;

  private volatile boolean isWithoutCallerLane;
  private volatile List<InetSocketAddress> addresses;
  private volatile boolean warmUp;

  TcpPeer(
      String name,
      WireForm form,
      List<InetSocketAddress> addresses,
      TcpOptions options,
      EngineMetrics metrics,
      PeerTls tls,
      EventLoops loops,
      IoBackend backend) {
    this.profile = new PeerProfile(name, form, options, metrics, tls);
    this.addresses = List.copyOf(addresses);
    this.loops = loops;
    this.backend = backend;
    this.tasks = new TaskQueue(profile, this::wakeAll);
    List<Lane> made = new ArrayList<>();
    for (int i = 0; i < profile.laneCount(); i++) {
      made.add(new Lane(profile, tasks, this, loops.next(), loops, backend));
    }
    this.lanes = made.toArray(Lane[]::new);
    this.all = lanes;
  }

  PeerProfile profile() {
    return profile;
  }

  @Override
  public List<InetSocketAddress> addresses() {
    return addresses;
  }

  /**
   * From now on connections are made to these: the host's name may lead elsewhere by now. When it
   * does, those to the old ones end with the work that they have.
   */
  void movedTo(List<InetSocketAddress> newest) {
    List<InetSocketAddress> before = addresses;
    addresses = newest;
    if (!before.equals(newest) && Collections.disjoint(before, newest)) {
      for (Lane lane : lanes()) {
        lane.retire();
      }
    }
  }

  void submit(TransferTask task) {
    task.setOwner(this);
    if (!tasks.add(task)) {
      return;
    }
    if (task.isEnding()) {
      // Ended between being made and being owned: nobody has asked us to cancel.
      cancelRequests(task);
      return;
    }
    if (!moveAwaited(task) && CallerSend.isFor(task)) {
      lanes[leastLoaded()].send(task);
    }
    if (task.isEnding() && !task.isQuiet()) {
      // Ended while it was on its way into a lane.
      cancelRequests(task);
    }
    if (task.hasWork()) {
      wakeFor(task);
    }
  }

  /** {@return whether the submitter, who waits for its end, has moved it} */
  private boolean moveAwaited(TransferTask task) {
    if (!CallerLane.isFor(task)) {
      return false;
    }
    CallerLane there = callerLane;
    if (there == null
        && profile.isVersion2()
        && profile.connectionReuse() == ConnectionReuse.REUSED
        && !isWithoutCallerLane) {
      try {
        there = newCallerLane();
      } catch (Throwable t) {
        return false; // No memory, say. The other lanes are there, and this is tried again.
      }
    }
    return there != null && there.move(task);
  }

  /** One more connection is worth it where there will be more of them. */
  private synchronized @Nullable CallerLane newCallerLane() {
    if (callerLane != null || isWithoutCallerLane || ++awaited < AWAITED_MIN) {
      return callerLane;
    }
    awaited = 0; // in case that there is no memory, or no thread, for it now
    SharedLoop loop = loops.shared();
    if (loop == null) {
      isWithoutCallerLane = true;
    } else {
      CallerLane made = new CallerLane(profile, tasks, this, loops, loop, backend);
      Lane[] more = Arrays.copyOf(lanes, lanes.length + 1);
      more[lanes.length] = made.lane();
      all = more;
      callerLane = made;
    }
    return callerLane;
  }

  @Override
  public void wakeFor(TransferTask task) {
    long wanted =
        profile.connectionReuse() == ConnectionReuse.REUSED
            ? 1 + task.totalBytes() / BYTES_PER_LANE
            : task.blockCount();
    if (wanted >= lanes.length) {
      wakeAll();
      return;
    }
    int first = leastLoaded();
    for (int i = 0; i < wanted; i++) {
      lanes[(first + i) % lanes.length].wake();
    }
  }

  private void wakeAll() {
    for (Lane lane : lanes) {
      lane.wake();
    }
  }

  /** An open lane is better than one that has yet to connect, unless it is busy. */
  private int leastLoaded() {
    int best = 0;
    int bestLoad = Integer.MAX_VALUE;
    for (int i = 0; i < lanes.length; i++) {
      int load = lanes[i].load() * 2 + (lanes[i].isOpen() ? 0 : 1);
      load += lanes[i].isDry() ? DRY_LOAD : 0;
      if (load < bestLoad) {
        best = i;
        bestLoad = load;
      }
    }
    return best;
  }

  @Override
  public void wakeOthers(Lane dry) {
    if (tasks.hasWork()) {
      for (Lane lane : lanes) {
        if (lane != dry) {
          lane.wake();
        }
      }
    }
  }

  @Override
  public void wakeAnother(Lane full) {
    if (!tasks.hasWork()) {
      return;
    }
    for (Lane lane : lanes) {
      if (lane != full && lane.isFree()) {
        lane.wake();
        return;
      }
    }
  }

  @Override
  public boolean hasIdleLaneBeside(Lane asking) {
    for (Lane lane : lanes) {
      if (lane != asking && lane.isFree()) {
        return true;
      }
    }
    return false;
  }

  @Override
  public void cancelRequests(TransferTask task) {
    tasks.remove(task);
    for (Lane lane : lanes()) {
      lane.cancelRequests(task);
    }
  }

  @Override
  public void cutOff(TransferTask task) {
    log.error("{}: {}", this, task.describe());
    for (Lane lane : lanes()) {
      lane.cutOff(task);
    }
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(profile.toString());
    for (Lane lane : lanes()) {
      text.append(lane.isOpen() ? ", a lane with " : ", a closed lane with ").append(lane.load());
    }
    return text.toString();
  }

  @Override
  public boolean connectFailed(InetSocketAddress address, long beganNanos, Throwable cause) {
    warmUp = false;
    if (anyLaneOpen()) {
      // The work that was meant for the lane that failed; the open ones may all have gone idle.
      wakeOpenLanes();
      return true;
    }
    tasks.failThoseSince(beganNanos, profile.cannotConnect(address, cause), FailureCause.CONNECT);
    return false;
  }

  @Override
  public void connectionFruitless(
      int inARow, long beganNanos, TransferException failure, FailureCause cause) {
    if (inARow >= FRUITLESS_LIMIT && !anyLaneOpen()) {
      tasks.failThoseSince(beganNanos, failure, cause);
    }
  }

  @Override
  public void belongsToAnother(TransferException failure) {
    tasks.failAll(failure, FailureCause.STALE_DESCRIPTOR);
  }

  private void wakeOpenLanes() {
    for (Lane lane : lanes) {
      if (lane.isOpen()) {
        lane.wake();
      }
    }
  }

  private boolean anyLaneOpen() {
    for (Lane lane : lanes) {
      if (lane.isOpen()) {
        return true;
      }
    }
    return false;
  }

  void warmUp() {
    warmUp = true;
    lanes[0].wake();
  }

  @Override
  public boolean wantsWarmUp() {
    return warmUp;
  }

  @Override
  public void warmedUp() {
    warmUp = false;
  }

  /** {@return whether nothing waits and nothing is out, roughly} */
  boolean isIdle() {
    if (tasks.hasWork()) {
      return false;
    }
    for (Lane lane : lanes()) {
      if (lane.load() > 0) {
        return false;
      }
    }
    return true;
  }

  /** {@return all, that for callers included} */
  Lane[] lanes() {
    return all;
  }

  /** Fails what waits and closes the lanes. The first reason counts. */
  void close(PeerEnd why) {
    synchronized (this) {
      isWithoutCallerLane = true;
    }
    tasks.close(why);
    for (Lane lane : lanes()) {
      lane.close(why);
    }
  }
}
