// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.access.PeerIdentity;
import io.transferengine.config.TransportPolicy;
import io.transferengine.events.EngineHealth;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.metrics.Gauge;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.ObjLongConsumer;

/**
 * One way to move bytes between registered memory of two processes.
 *
 * <p><b>Threads.</b> {@code start} and {@code stop} are called once each, by one thread. All other
 * methods may be called by any thread at any time between them. {@code registerAll}, {@code
 * unregisterAll} and {@code connection} may block; the others must neither block nor do I/O on the
 * caller's thread. What a transport does on its own runs on daemon threads of its own.
 *
 * <p><b>Errors.</b> {@code start} throws. From {@link #submit} on nothing is thrown: a request that
 * fails is settled at its {@link TransferTask}.
 */
public interface Transport {
  /** {@return the name, as in the {@code protocol} member of a descriptor} */
  String name();

  /**
   * Opens what it needs. After a failure {@link #stop} cleans up what was opened.
   *
   * @throws io.transferengine.transfer.TransferException when it cannot serve
   */
  void start();

  /** {@return whether memory that we allocate should be such that other processes can map it} */
  default boolean wantsSharedMemory() {
    return false;
  }

  /**
   * Makes ranges of our memory fit for use, all or none, before any transfer over them begins and
   * before peers learn of them. Its cost must not grow with the square of their number. Does
   * nothing for a transport that needs no preparation.
   *
   * @throws io.transferengine.transfer.TransferException when it cannot; then nothing is left of
   *     the attempt
   */
  default void registerAll(List<Region> regions) {}

  /**
   * {@return whether the engine may go on when {@link #registerAll} has failed for these ranges, if
   * others move such memory} Then a transfer that comes here for it all the same fails, and harms
   * nothing.
   */
  default boolean mayGoWithout(List<Region> regions) {
    return false;
  }

  /**
   * Ends what {@link #registerAll} began, for any of its regions: when it returns, no peer reaches
   * the ranges through this transport any more. Nothing of ours is in flight over them. Idempotent.
   *
   * @throws io.transferengine.transfer.TransferException when peers may still reach one of them;
   *     what can be ended is ended all the same
   */
  default void unregisterAll(List<Region> regions) {}

  /**
   * Adds to our own descriptor what peers need in order to reach this transport. The lowest-ranked
   * is asked first: a better one adds to the buffers that it finds there.
   *
   * @param regions our registrations, in order
   */
  void describe(SegmentDescriptor.Builder descriptor, List<Region> regions);

  /** {@return a number that changes whenever {@link #describe} would add something else} */
  default long descriptionVersion() {
    return 0;
  }

  /**
   * {@return the reply to a peer that wants to pair queue pairs with ours; empty when this
   * transport has none}
   *
   * <p>When it throws, the peer is refused with the exception's text.
   *
   * @param from where the message came from
   */
  default Optional<HandshakeDescriptor> connection(PeerIdentity from, HandshakeDescriptor request) {
    return Optional.empty();
  }

  /**
   * {@return what makes a peer offer it; a sentence, the remedy where no transport reaches a peer}
   */
  default String howToOffer() {
    return "Start the peer with " + TransportPolicy.shown(name());
  }

  /** {@return whether it can reach a segment so described} */
  boolean reaches(SegmentDescriptor peer);

  /**
   * {@return whether it moves bytes between memory of these kinds} Between host memory every
   * transport does. It is given no task with a pair of kinds that it does not move between.
   *
   * @param local of our memory
   * @param peer of the peer's memory
   */
  default boolean moves(MemoryKind local, MemoryKind peer) {
    return local.isHost() && peer.isHost();
  }

  /**
   * {@return why it moves no memory of a kind on our side, though it could on another machine;
   * empty where it has no reason to give}
   */
  default Optional<TransferException> whyNotMoved(MemoryKind local) {
    return Optional.empty();
  }

  /**
   * {@return whether it is to have a task, if another transport that reaches the peer can have it}
   * Where its parts lie may be none of its business, though it reaches the peer.
   *
   * @param task of pairs of kinds that it moves between
   */
  default boolean takes(TransferTask task) {
    return true;
  }

  /**
   * A transfer goes over other transports, at least in part, because of its memory, though this one
   * is better and reaches the peer. Somebody should hear of that, once. Must not throw.
   *
   * @param task all of the transfer, with device memory on one of the sides
   */
  default void isPassedOver(PeerAddress peer, TransferTask task) {}

  /**
   * Starts to work on a task; its requests are claimed as there is room on the wire. The transport
   * first tells the task who has its requests ({@link TransferTask#setOwner}).
   *
   * @param peer the segment, one that this transport {@link #reaches}
   */
  void submit(PeerAddress peer, TransferTask task);

  /**
   * A peer has sent a notification, which may be about bytes that it has written. What has arrived
   * in our memory is seen there by the processor and by devices when this returns. Called on
   * threads that may block for moments.
   *
   * @throws TransferException if that cannot be; then the notification is refused
   */
  default void awaitArrivals() {}

  /**
   * {@return a future that completes when no peer moves bytes of a range of our memory through this
   * transport any more} What is under way gets {@code grace} to finish, then it is cut off. The
   * caller has seen to it that nothing new begins.
   */
  CompletableFuture<Void> drainInbound(long start, long end, Duration grace);

  /**
   * {@return what is wrong with it that somebody should see to} May be called before {@link #start}
   * and after {@link #stop}, too.
   */
  default List<EngineHealth.Problem> problems() {
    return List.of();
  }

  /**
   * Measures what it has open, for figures: what it passes for a gauge is added up. May be called
   * before {@link #start} and after {@link #stop}, too.
   */
  default void measure(ObjLongConsumer<Gauge> to) {}

  /** Opens the way to a peer ahead of the first transfer; failures show at that transfer. */
  void warmUp(PeerAddress peer);

  /**
   * Ends everything: requests that are out fail, connections close, threads end. Idempotent.
   *
   * @param timeout how long to wait for the last of it
   */
  void stop(Duration timeout);
}
