// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.AllocatedBytes;
import java.nio.charset.StandardCharsets;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The names of members that strangers send are nobody else's burden. Found by fuzzing. */
@Timeout(60)
class JsonNamesTest {
  /** The first step of Jackson's buffers, and what a record is. */
  private static final long SMALL_BYTES = 64 << 10;

  private static final int ATTEMPTS = 20;

  private static byte[] json(String prefix, int names) {
    return IntStream.range(0, names)
        .mapToObj(i -> "\"" + prefix + i + "\":0")
        .collect(Collectors.joining(",", "{", ",\"name\":\"a\",\"notify_msg\":\"b\"}"))
        .getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void aSmallRecordCostsTheSameAfterManyNames() {
    for (int stranger = 0; stranger < 20; stranger++) {
      var _ = MetadataCodec.decodeNotify(json("stranger" + stranger + "-", 250));
    }
    long least = Long.MAX_VALUE;
    for (int i = 0; i < ATTEMPTS; i++) {
      byte[] small = json("own" + i + "-", 1);
      long before = AllocatedBytes.ofThisThread();
      var _ = MetadataCodec.decodeNotify(small);
      least = Math.min(least, AllocatedBytes.ofThisThread() - before);
    }
    assertThat(least).isLessThan(SMALL_BYTES);
  }
}
