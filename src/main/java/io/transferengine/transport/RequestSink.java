// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

/**
 * Takes requests that {@link TransferTask#claim} hands out.
 *
 * @param <T> whose requests they are: a {@link TransferTask}
 */
public interface RequestSink<T> {
  /**
   * {@return how many bytes from here on may at most go out as one request, at least 1} For
   * transports whose registrations have seams that the blocks know nothing of. The limit holds for
   * what is merged, too, which may be more than is wanted. If {@link #rangesMax} is more than 1,
   * the seams on our side are left to {@link #rangeLimit}.
   *
   * @param task whose request it is
   * @param local where the range begins here
   * @param remote where it begins at the peer
   * @param wanted how many bytes of the block, or of the returned request, are left
   */
  default long lengthLimit(T task, long local, long remote, long wanted) {
    return Long.MAX_VALUE;
  }

  /**
   * {@return in how many ranges of ours one request may lie, at least 1} Asked once for each claim.
   * If it is more than 1, blocks that join only at the peer are merged; {@link #rangeLimit} is
   * asked for each range, and a request with several of them goes to {@link #scattered}.
   *
   * @param task whose requests they are
   */
  default int rangesMax(T task) {
    return 1;
  }

  /**
   * {@return how many bytes from here on may at most be one range of a request, at least 1}
   *
   * @param task whose request it is
   * @param local where the range begins here
   */
  default long rangeLimit(T task, long local) {
    return Long.MAX_VALUE;
  }

  /**
   * {@return whether no more is wanted for now} Asked after each request: what a sink has room for
   * may depend on what it gets.
   */
  default boolean isFull() {
    return false;
  }

  /**
   * {@return the number of the connection or path that it is for, from 0 up; -1 if there are none}
   * It need not be the only one with that number, if only those of one peer mostly differ.
   */
  default int lane() {
    return -1;
  }

  /** {@return whether it sends what it gets; if not, {@link TransferTask#started} is called} */
  default boolean isSender() {
    return true;
  }

  /**
   * {@return when the first request of a task begins to move, by {@link System#nanoTime()}} Asked
   * once for a task, as its first request has been handed out. Who is given a task as it is made,
   * and sends it then and there, need not read the clock again.
   */
  default long startNanos(T task) {
    return System.nanoTime();
  }

  /**
   * One request for the wire. What memory it lies in is known to the task: {@link
   * TransferTask#region} on our side, {@link TransferTask#buffer} at the peer. Both may be asked in
   * here, and cost little there.
   *
   * @param task whose request it is; to be settled there exactly once
   * @param firstBlock the block of the batch in which the range begins
   * @param local where the range begins here
   * @param remote where it begins at the peer
   * @param length its length in bytes, at least 1
   * @param unmerged whether it is known to lie within one block of the batch
   */
  void request(T task, int firstBlock, long local, long remote, long length, boolean unmerged);

  /**
   * One request for the wire that lies in several ranges of ours, at most {@link #rangesMax}, and
   * in one at the peer. Its ranges are those of the task's blocks, from {@code firstBlock} on, in
   * their order. A block that begins where the one before it ends belongs to that one's range,
   * unless the range has its {@link #rangeLimit} there or the registration ends.
   *
   * @param task whose request it is; to be settled there exactly once
   * @param firstBlock the block of the batch in which the request begins
   * @param local where it begins here
   * @param remote where it begins at the peer
   * @param length the bytes of all its ranges
   */
  default void scattered(T task, int firstBlock, long local, long remote, long length) {
    throw new UnsupportedOperationException("It takes one range of ours at a time");
  }
}
