// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Which lines of a log are mistakes of ours. */
@Timeout(60)
class HealthTest {
  private static final String INFO = "10:00:00.000 INFO  A - ready";
  private static final String ERROR = "10:00:00.001 ERROR B - a mistake";
  private static final String NEXT = "10:00:00.002 ERROR C - another";
  private static final String FRAME = "\tat io.transferengine.B.c(B.java:1)";
  private static final String HEAP = "Caused by: java.lang.OutOfMemoryError: Java heap space";
  private static final String THREAD =
      "java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory";

  private static String error(boolean fullHeaps, String... log) {
    return new Health(fullHeaps).error(List.of(log));
  }

  @Test
  void theFirstErrorIsFound() {
    assertThat(error(false, INFO, FRAME, INFO)).isEmpty();
    assertThat(error(false, INFO, ERROR, FRAME)).isEqualTo(ERROR);
    assertThat(error(false, ERROR, NEXT)).isEqualTo(ERROR);
    assertThat(error(true, ERROR, FRAME, INFO)).isEqualTo(ERROR);
  }

  @Test
  void whatTheRigTookAwayIsNoMistake() {
    assertThat(error(false, ERROR, THREAD, FRAME, INFO)).isEmpty();
    assertThat(error(false, ERROR + ": " + THREAD, INFO)).isEmpty();
    assertThat(error(true, ERROR, FRAME, HEAP, FRAME)).isEmpty();
    assertThat(error(true, ERROR, THREAD)).isEmpty();
    assertThat(error(false, ERROR, THREAD, NEXT)).isEqualTo(NEXT);
  }

  /** Netty makes these of a full heap, without a word of it. */
  @Test
  void whatNettyMakesOfAFullHeapIsNone() {
    String queue = "Caused by: java.lang.IllegalStateException: x but the queue is empty";
    String twice =
        "\tat io.netty.handler.codec.ByteToMessageDecoder.handlerRemoved(ByteToMessageDecoder.java:1)";
    for (String line : List.of(queue, twice)) {
      assertThat(error(true, ERROR, FRAME, line, FRAME)).isEmpty();
      assertThat(error(false, ERROR, FRAME, line, FRAME)).isEqualTo(ERROR);
    }
  }

  /** A heap that nobody filled. */
  @Test
  void aFullHeapIsAMistakeUnlessTheRigFillsHeaps() {
    assertThat(error(false, ERROR, FRAME, HEAP)).isEqualTo(ERROR);
  }

  @Test
  void theCauseOfAnotherLineExcusesNothing() {
    for (boolean fullHeaps : new boolean[] {false, true}) {
      assertThat(error(fullHeaps, ERROR, FRAME, INFO + ": " + THREAD)).isEqualTo(ERROR);
      assertThat(error(fullHeaps, ERROR, FRAME, INFO, THREAD)).isEqualTo(ERROR);
      assertThat(error(fullHeaps, ERROR, "Exception in thread \"x\" " + THREAD)).isEqualTo(ERROR);
      assertThat(error(fullHeaps, ERROR, NEXT, THREAD)).isEqualTo(ERROR);
    }
  }
}
