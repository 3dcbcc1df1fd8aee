// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.top;

import io.transferengine.metrics.PeerSnapshot;
import java.util.Comparator;
import java.util.Map;

/** What engines and peers are sorted by. */
enum Order {
  /** Those that move the most bytes first. */
  RATE,
  /** Those with the most failures first. */
  FAILURES,
  /** By their names. */
  NAME;

  /** {@return how engines are sorted} Those whose process is gone come last, the latest first. */
  Comparator<Sample> engines() {
    Comparator<Sample> own =
        switch (this) {
          case RATE -> Comparator.comparingDouble(Sample::bytesPerSecond).reversed();
          case FAILURES -> Comparator.comparingLong(Sample::failures).reversed();
          case NAME -> Comparator.comparing(sample -> sample.now().segmentName());
        };
    return Comparator.comparing(Sample::isGone)
        .thenComparing(Order::goneFor)
        .thenComparing(own)
        .thenComparing(sample -> sample.now().segmentName())
        .thenComparing(sample -> sample.now().pid());
  }

  /** {@return a smaller number for those that have written later; the same for all others} */
  private static long goneFor(Sample sample) {
    return sample.isGone() ? -sample.now().written().toEpochMilli() : 0;
  }

  /** {@return how peers are sorted, by what they did in the last interval} */
  Comparator<Map.Entry<String, PeerSnapshot>> peers() {
    Comparator<Map.Entry<String, PeerSnapshot>> byName = Map.Entry.comparingByKey();
    return switch (this) {
      case RATE -> Comparator.comparingLong(Order::moved).reversed().thenComparing(byName);
      case FAILURES -> Comparator.comparingLong(Order::failed).reversed().thenComparing(byName);
      case NAME -> byName;
    };
  }

  private static long moved(Map.Entry<String, PeerSnapshot> peer) {
    return peer.getValue().bytesRead() + peer.getValue().bytesWritten();
  }

  private static long failed(Map.Entry<String, PeerSnapshot> peer) {
    return peer.getValue().transfersFailed();
  }

  Order next() {
    return switch (this) {
      case RATE -> FAILURES;
      case FAILURES -> NAME;
      case NAME -> RATE;
    };
  }
}
