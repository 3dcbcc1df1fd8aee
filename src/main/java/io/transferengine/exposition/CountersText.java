// SPDX-License-Identifier: Apache-2.0
package io.transferengine.exposition;

import io.transferengine.logging.Printable;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.Gauge;
import io.transferengine.metrics.LatencyHistogram;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.metrics.PeerSnapshot;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * A {@link CountersRecord} as text: a line for each figure, its name first, then its value. So a
 * reader of another version leaves out the names that it does not know, and {@code cat} will do.
 * The first line says what it is; the last one has a checksum of all before it.
 *
 * <p>Whoever reads it trusts nothing in it.
 */
final class CountersText {
  /** A record, whatever there is in it; what is left of the slot is zeros. */
  static final int BYTES_MAX = 32 << 10;

  /** They fit, by far, with names of 100 characters. */
  static final int PEERS_MAX = 128;

  static final String FIRST_LINE = "transfer-engine-counters 1\n";
  private static final String LAST_LINE = "end ";

  /** With the sum, and some more. */
  private static final int LAST_LINE_MAX = 40;

  private static final int NAME_MAX = 300;
  private static final int RADIX = 16;
  private static final long NANOS_PER_MICRO = 1_000;
  private static final int PEER_PARTS = 6;
  private static final long COUNT_MAX = 1L << 48;

  private CountersText() {}

  // ---- writing

  static byte[] of(CountersRecord record) {
    StringBuilder text = new StringBuilder(8192).append(FIRST_LINE);
    line(text, "number", record.number());
    line(text, "pid", record.owner().pid());
    line(text, "process-start", record.owner().startTicks());
    line(text, "pid-namespace", record.owner().pidNamespace());
    line(text, "boot", record.owner().bootId());
    line(text, "segment", record.segment());
    line(text, "transports", String.join(",", record.transports()));
    line(text, "opened-millis", record.openedMillis());
    line(text, "written-millis", record.writtenMillis());
    line(text, "written-nanos", record.writtenNanos());
    MetricsSnapshot figures = record.figures();
    figures.counters().forEach((each, value) -> line(text, "counter " + each.name(), value));
    figures.gauges().forEach((each, value) -> line(text, "gauge " + each.name(), value));
    figures.failures().forEach((each, value) -> line(text, "failures " + each.name(), value));
    for (int i = 0; i < LatencyHistogram.bucketCount(); i++) {
      line(text, "micros " + LatencyHistogram.upperBoundMicros(i), figures.latency().count(i));
    }
    peers(text, record);
    byte[] body = text.toString().getBytes(StandardCharsets.UTF_8);
    byte[] end = (LAST_LINE + sum(body, body.length) + "\n").getBytes(StandardCharsets.US_ASCII);
    byte[] all = Arrays.copyOf(body, body.length + end.length);
    System.arraycopy(end, 0, all, body.length, end.length);
    return all;
  }

  private static void line(StringBuilder text, String name, long value) {
    text.append(name).append(' ').append(value).append('\n');
  }

  private static void line(StringBuilder text, String name, String value) {
    text.append(name).append(' ').append(Printable.of(value, NAME_MAX)).append('\n');
  }

  private static void peers(StringBuilder text, CountersRecord record) {
    List<Map.Entry<String, PeerSnapshot>> most =
        record.figures().peers().entrySet().stream()
            .sorted(Comparator.comparingLong(CountersText::moved).reversed())
            .limit(PEERS_MAX)
            .toList();
    long omitted = record.peersOmitted() + record.figures().peers().size();
    int room = BYTES_MAX - 2 * LAST_LINE_MAX;
    for (Map.Entry<String, PeerSnapshot> each : most) {
      PeerSnapshot peer = each.getValue();
      // Put together without a formatter, which would be used here for the first time, later.
      String line =
          "peer "
              + peer.bytesWritten()
              + ' '
              + peer.bytesRead()
              + ' '
              + peer.transfersCompleted()
              + ' '
              + peer.transfersFailed()
              + ' '
              + Printable.of(each.getKey(), NAME_MAX)
              + '\n';
      // A character takes three bytes at most, or two of them four.
      if (text.length() * 3L + line.length() * 3L <= room || fits(text, line, room)) {
        text.append(line);
        omitted--;
      }
    }
    line(text, "peers-omitted", omitted);
  }

  private static boolean fits(StringBuilder text, String line, int room) {
    return (text + line).getBytes(StandardCharsets.UTF_8).length <= room;
  }

  private static long moved(Map.Entry<String, PeerSnapshot> peer) {
    return peer.getValue().bytesWritten() + peer.getValue().bytesRead();
  }

  private static String sum(byte[] bytes, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, length);
    return Long.toString(crc.getValue(), RADIX);
  }

  // ---- reading

  /** {@return what a slot says; empty if it says nothing, or is not whole} Throws nothing. */
  static Optional<CountersRecord> read(byte[] slot) {
    int length = 0;
    while (length < slot.length && length < BYTES_MAX && slot[length] != 0) {
      length++;
    }
    String all = new String(slot, 0, length, StandardCharsets.UTF_8);
    int end = all.lastIndexOf("\n" + LAST_LINE);
    if (!all.startsWith(FIRST_LINE) || end < 0 || length - end > BYTES_MAX) {
      return Optional.empty();
    }
    String body = all.substring(0, end + 1);
    byte[] summed = body.getBytes(StandardCharsets.UTF_8);
    String wanted = LAST_LINE + sum(summed, summed.length) + "\n";
    if (!all.substring(end + 1).equals(wanted)) {
      return Optional.empty();
    }
    try {
      return Optional.of(parsed(body));
    } catch (IllegalArgumentException notOurs) {
      return Optional.empty();
    }
  }

  private static CountersRecord parsed(String body) {
    Map<String, String> heads = new HashMap<>();
    MetricsSnapshot.Builder figures = MetricsSnapshot.builder();
    long[] latencies = new long[LatencyHistogram.bucketCount()];
    for (String line : body.split("\n", -1)) {
      List<String> parts = List.of(line.split(" ", PEER_PARTS));
      switch (parts.getFirst()) {
        case "counter" ->
            find(Counter.values(), parts).ifPresent(at -> figures.counter(at, value(parts)));
        case "gauge" ->
            find(Gauge.values(), parts).ifPresent(at -> figures.gauge(at, value(parts)));
        case "failures" ->
            find(FailureCause.values(), parts).ifPresent(at -> figures.failures(at, value(parts)));
        case "micros" -> latencies[bucket(parts)] = count(parts);
        case "peer" -> peer(figures, parts);
        default -> heads.put(parts.getFirst(), line.substring(line.indexOf(' ') + 1));
      }
    }
    figures.latency(LatencyHistogram.of(latencies));
    CountersRecord.Owner owner =
        new CountersRecord.Owner(
            Math.toIntExact(Math.clamp(head(heads, "pid"), 0, Integer.MAX_VALUE)),
            head(heads, "process-start"),
            head(heads, "pid-namespace"),
            text(heads, "boot"));
    return new CountersRecord(
        owner,
        text(heads, "segment"),
        List.of(text(heads, "transports").split(",", -1)),
        head(heads, "opened-millis"),
        head(heads, "number"),
        head(heads, "written-millis"),
        head(heads, "written-nanos"),
        figures.build(),
        head(heads, "peers-omitted"));
  }

  private static <E extends Enum<E>> Optional<E> find(E[] all, List<String> parts) {
    String name = part(parts, 1);
    return Arrays.stream(all).filter(each -> each.name().equals(name)).findFirst();
  }

  private static String part(List<String> parts, int index) {
    if (index >= parts.size()) {
      throw new IllegalArgumentException("a line is too short");
    }
    return parts.get(index);
  }

  private static long value(List<String> parts) {
    return Long.parseLong(part(parts, 2));
  }

  /** So that no sum of them overflows. */
  private static long count(List<String> parts) {
    long value = value(parts);
    if (value < 0 || value > COUNT_MAX) {
      throw new IllegalArgumentException(value + " is no count");
    }
    return value;
  }

  private static int bucket(List<String> parts) {
    long micros = Long.parseLong(part(parts, 1));
    return micros > Long.MAX_VALUE / NANOS_PER_MICRO
        ? LatencyHistogram.bucketCount() - 1
        : LatencyHistogram.bucketOf(micros * NANOS_PER_MICRO);
  }

  private static void peer(MetricsSnapshot.Builder figures, List<String> parts) {
    figures.peer(
        Printable.of(part(parts, PEER_PARTS - 1), NAME_MAX),
        PeerSnapshot.builder()
            .bytesWritten(Long.parseLong(part(parts, 1)))
            .bytesRead(value(parts))
            .transfersCompleted(Long.parseLong(part(parts, 3)))
            .transfersFailed(Long.parseLong(part(parts, 4)))
            .build());
  }

  private static String text(Map<String, String> heads, String name) {
    String value = heads.get(name);
    if (value == null) {
      throw new IllegalArgumentException(name + " is missing");
    }
    return Printable.of(value, NAME_MAX);
  }

  private static long head(Map<String, String> heads, String name) {
    return Long.parseLong(text(heads, name));
  }
}
