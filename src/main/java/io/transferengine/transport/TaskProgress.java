// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

/**
 * What a task has come to so far, for who asks later: over what, when it began, and in how many
 * requests. Numbers in the task itself: nothing is made for them. Requests are counted with the
 * task's lock held, and all is read without; so a number may be an old one while the task is under
 * way.
 */
abstract class TaskProgress implements TransferWork {
  /** Lanes are told apart by their number, modulo this. */
  private static final int LANES = Long.SIZE;

  private final Listener listener;
  private volatile long startedNanos;
  private volatile long progressNanos;
  private long mark;

  private String transport = "";
  private boolean handedOver;
  private long lanes;
  private int requests;
  private int requestsAgain;

  /** Nothing so far, at a moment. */
  TaskProgress(long nowNanos, Listener listener) {
    this.listener = listener;
    progressNanos = nowNanos;
  }

  /** {@return who is told of the end} */
  public final Listener listener() {
    return listener;
  }

  @Override
  public final boolean isStarted() {
    return startedNanos() != 0;
  }

  @Override
  public final long startedNanos() {
    return startedNanos;
  }

  /** Says when its bytes began to move, if that was not when the first were claimed. */
  public final void started(long nanos) {
    startedNanos = nanos | 1; // never 0
  }

  @Override
  public final long progressNanos() {
    return progressNanos;
  }

  /**
   * {@return whether it has waited since a {@link System#nanoTime}, without progress} Who waits for
   * less has nothing to do with an attempt to reach the peer that began then, and failed.
   */
  public final boolean hasWaitedSince(long nanos) {
    return progressNanos() - nanos <= 0;
  }

  /** Requests have been completed, at a moment; whoever tells of an earlier one may come later. */
  final void progressed(long nowNanos) {
    if (nowNanos - progressNanos > 0) {
      progressNanos = nowNanos;
    }
  }

  /** {@return what the owner has noted, 0 at first; it sees to the threads} */
  public final long mark() {
    return mark;
  }

  /** Notes something of the owner's. */
  public final void mark(long note) {
    mark = note;
  }

  @Override
  public final String transport() {
    return transport;
  }

  /** Notes the name of the transport that it is given to. */
  public final void givenTo(String name) {
    handedOver = !transport.isEmpty();
    transport = name;
  }

  /** {@return whether another transport had it before, so that it may have waited there} */
  public final boolean isHandedOver() {
    return handedOver;
  }

  @Override
  public final int lanes() {
    return Long.bitCount(lanes);
  }

  @Override
  public final int requests() {
    return requests;
  }

  @Override
  public final int requestsAgain() {
    return requestsAgain;
  }

  /** So many requests were handed out, to a lane with a number, or to none (-1). */
  final void handedOut(int count, int lane) {
    requests += count;
    if (lane >= 0) {
      lanes |= 1L << lane % LANES;
    }
  }

  /** A request has come back, and is handed out again. */
  final void cameBack() {
    requestsAgain++;
  }
}
