// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.memory.LiveBlocks;
import io.transferengine.memory.PeerCopies;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * The part of our area that tells peers which blocks of one pool are handed out, as {@link
 * LiveBlocks} has it. Thread-safe.
 */
final class BlockTable implements PeerCopies {
  private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();

  private final LiveBlocks blocks;
  private final MemorySegment words;
  private final long offsetInTables;
  private final Rounds rounds;
  private boolean ended;

  /**
   * One that says that nothing is handed out.
   *
   * @param words as many as there are places
   * @param offsetInTables where they are among those of all pools
   */
  BlockTable(LiveBlocks blocks, MemorySegment words, long offsetInTables, Rounds rounds) {
    this.blocks = blocks;
    this.words = words;
    this.offsetInTables = offsetInTables;
    this.rounds = rounds;
  }

  long offsetInTables() {
    return offsetInTables;
  }

  long bytes() {
    return words.byteSize();
  }

  LiveBlocks blocks() {
    return blocks;
  }

  private long at(long offset) {
    return (offset >> blocks.placeShift()) * Long.BYTES;
  }

  @Override
  public synchronized void admit(long offset, long length) {
    if (ended) {
      return;
    }
    long at = at(offset);
    int order = blocks.orderOf(length);
    long hint = AreaLayout.place(order, 0);
    for (long i = 1; i < 1L << order; i++) {
      words.set(ValueLayout.JAVA_LONG, at + i * Long.BYTES, hint);
    }
    WORD.setVolatile(words, at, AreaLayout.place(order, length));
  }

  @Override
  public synchronized void refuse(long offset) {
    if (!ended) {
      WORD.setVolatile(words, at(offset), 0L);
    }
  }

  /** The words are not ours any more; no copy goes by them. */
  synchronized void end() {
    if (!ended) {
      ended = true;
      words.fill((byte) 0);
    }
  }

  @Override
  public long underWay() {
    return rounds.next();
  }

  @Override
  public boolean areOver(long number) {
    return rounds.isOver(number);
  }

  @Override
  public boolean await(long number, long nanos) {
    return rounds.await(number, nanos);
  }
}
