// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Two clocks, and a thread that is held up between readings of them. */
class TwoClocksTest {
  private static final long PAUSE = 7_000_000;

  private long now;
  private long kept;
  private int readings;

  /** Reads them while the first readings are each followed by a pause. */
  private long read(int pauses) {
    return clocks(pauses).readBoth(now);
  }

  private TwoClocks clocks(int pauses) {
    return new TwoClocks() {
      @Override
      public long readFirst() {
        return now;
      }

      @Override
      public void readSecond() {
        now += 100;
        kept = now;
        readings++;
        now += readings <= pauses ? PAUSE : 100;
      }
    };
  }

  @Test
  void theyAreReadOnceIfNothingComesBetween() {
    assertThat(read(0)).isEqualTo(kept + 100);
    assertThat(readings).isEqualTo(1);
  }

  @Test
  void theyAreReadAgainIfThereWasAPauseBetweenThem() {
    assertThat(read(3)).isEqualTo(kept + 100);
    assertThat(readings).isEqualTo(4);
  }

  @Test
  void theyAreReadAgainIfTheEarlierReadingIsOld() {
    assertThat(clocks(0).readBoth(now - PAUSE)).isEqualTo(kept + 100);
    assertThat(readings).isEqualTo(2);
  }

  @Test
  void aMachineThatAlwaysComesBetweenIsGivenUp() {
    assertThat(read(Integer.MAX_VALUE)).isEqualTo(kept + PAUSE);
    assertThat(readings).isEqualTo(TwoClocks.TRIES_MAX);
  }
}
