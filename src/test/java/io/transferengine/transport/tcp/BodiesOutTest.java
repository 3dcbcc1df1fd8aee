// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What hangs on a body is told once, and not before its last window is back. */
class BodiesOutTest {
  private static final int LENGTH = 1000;

  private record Sent(MemoryWindow window, int body) {}

  @Test
  void inAnyOrder() {
    for (int seed = 0; seed < 2000; seed++) {
      Random random = new Random(seed);
      BodiesOut out = new BodiesOut();
      List<Sent> sent = new ArrayList<>();
      int bodies = 1 + random.nextInt(4);
      int[] left = new int[bodies];
      long end = 0;
      for (int body = 0; body < bodies; body++) {
        left[body] = 1 + random.nextInt(4);
        // Neighbours in memory, and sometimes in the stream too.
        end += random.nextInt(2) * 8L;
        for (int i = 0; i < left[body]; i++) {
          end += LENGTH;
          long address = 1 << 20;
          MemoryWindow window =
              new MemoryWindow(_ -> {}).aim(address + end, LENGTH, LENGTH, null).endsAt(end);
          if (i == left[body] - 1) {
            var _ = window.attach(body);
          }
          out.add(window);
          sent.add(new Sent(window, body));
        }
      }
      Collections.shuffle(sent, random);
      List<Object> told = new ArrayList<>();
      for (Sent each : sent) {
        left[each.body]--;
        Object now = out.back(each.window);
        if (now != null) {
          assertThat(left[(int) now]).as("windows of it that are out, seed %d", seed).isZero();
          told.add(now);
        }
      }
      assertThat(told).as("seed %d", seed).hasSize(bodies).doesNotHaveDuplicates();
      assertThat(out.oldest()).isNull();
    }
  }
}
