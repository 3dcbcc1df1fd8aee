// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * One transfer, as one process tells it to another.
 *
 * @param operation as its initiator sees it
 * @param segment of the target
 * @param limitMillis its deadline
 * @param cancelMillis when it is canceled; negative for never
 * @param times how often it is done, one after the other, as long as it completes; the last counts
 * @param scribble what the initiator writes over its own ranges as soon as the transfer has ended
 *     in another way than completed
 * @param blocks what it moves
 */
record Move(
    Operation operation,
    String segment,
    int limitMillis,
    int cancelMillis,
    int times,
    byte scribble,
    List<Block> blocks) {
  /** The most that a process is asked for at once. */
  static final int AT_ONCE = 4;

  /**
   * A block.
   *
   * @param here an offset in the initiator's memory
   * @param there an address in the target
   */
  record Block(int here, long there, int length) {
    static Block parse(String text) {
      String[] numbers = text.split(":", -1);
      return new Block(
          Integer.parseInt(numbers[0]), Long.parseLong(numbers[1]), Integer.parseInt(numbers[2]));
    }

    String text() {
      return here + ":" + there + ":" + length;
    }
  }

  static Move parse(String text) {
    String[] words = text.split(";", -1);
    return new Move(
        Operation.valueOf(words[0]),
        words[1],
        Integer.parseInt(words[2]),
        Integer.parseInt(words[3]),
        Integer.parseInt(words[4]),
        Byte.parseByte(words[5]),
        Arrays.stream(words[6].split(",", -1)).map(Block::parse).toList());
  }

  String text() {
    return String.join(
        ";",
        operation.name(),
        segment,
        Integer.toString(limitMillis),
        Integer.toString(cancelMillis),
        Integer.toString(times),
        Byte.toString(scribble),
        blocks.stream().map(Block::text).collect(Collectors.joining(",")));
  }

  /** {@return the transfer, of memory that begins at an address} */
  TransferRequest request(long base) {
    return TransferRequest.of(
            operation,
            segment,
            BlockColumns.of(
                blocks.stream().mapToLong(block -> base + block.here()).toArray(),
                blocks.stream().mapToLong(Block::there).toArray(),
                blocks.stream().mapToLong(Block::length).toArray()))
        .withTimeout(Duration.ofMillis(limitMillis));
  }
}
