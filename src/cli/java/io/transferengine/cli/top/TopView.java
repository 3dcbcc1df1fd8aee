// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.top;

import io.transferengine.cli.console.Units;
import io.transferengine.diagnostics.EngineCounters;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.Gauge;
import io.transferengine.metrics.LatencyHistogram;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.metrics.PeerSnapshot;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.StringJoiner;

/**
 * The lines of the screen: a table of engines, then one engine in full, with the machine's RDMA
 * ports. None is longer than the screen is wide.
 *
 * @param width of the screen in characters
 * @param height of the screen in lines; what does not fit is left out at the end
 * @param order of engines and peers
 * @param chosen the file of the engine that is shown in full; empty, or gone, for the first
 * @param at when it is shown
 */
record TopView(int width, int height, Order order, Optional<Path> chosen, Instant at) {
  private static final DateTimeFormatter CLOCK = DateTimeFormatter.ofPattern("HH:mm:ss");
  private static final double MEDIAN = 50;
  private static final double HIGH = 99;

  /** A name is cut to no less. */
  private static final int NAME_MIN = 12;

  /** What else the table has: see {@link #row}. */
  private static final int ROW_OTHERS = 62;

  /**
   * Of the column of devices, which is there if an engine has some, and the name keeps its room.
   */
  private static final int ROW_DEVICE = 6;

  private static final int ROW_NAME = 18;

  private static final int PEER_OTHERS = 42;

  /** As many as an engine leaves in its folder. */
  private static final int GONE_ROWS_MAX = 16;

  private static final int GONE_PART = 8;

  /** In trouble these are what is looked for; the peers are below them. */
  private static final int WRAPPED_LINES = 3;

  /** Of them many are wanted, or are shown already. */
  static final Set<Counter> USUAL =
      EnumSet.of(
          Counter.BYTES_WRITTEN,
          Counter.BYTES_READ,
          Counter.DEVICE_BYTES_WRITTEN,
          Counter.DEVICE_BYTES_READ,
          Counter.TRANSFERS_SUBMITTED,
          Counter.TRANSFERS_COMPLETED,
          Counter.TRANSFERS_FAILED,
          Counter.TRANSFERS_TIMED_OUT,
          Counter.TRANSFERS_CANCELED,
          Counter.BLOCKS_SUBMITTED,
          Counter.REQUESTS_SENT,
          Counter.INBOUND_BYTES_WRITTEN,
          Counter.INBOUND_BYTES_READ,
          Counter.INBOUND_DEVICE_BYTES_WRITTEN,
          Counter.INBOUND_DEVICE_BYTES_READ,
          Counter.ZERO_COPY_BYTES_SENT,
          Counter.INBOUND_REQUESTS,
          Counter.CONNECTIONS_OPENED,
          Counter.CONNECTIONS_ENDED,
          Counter.HANDSHAKES_SERVED,
          Counter.HANDSHAKES_MADE,
          Counter.LOCAL_PEERS,
          Counter.LOCAL_POOLS_MAPPED,
          Counter.LOCAL_DEVICE_ALLOCATIONS_OPENED,
          Counter.RDMA_PATHS_CONNECTED,
          Counter.TLS_HANDSHAKES_WAITED);

  /** {@return the lines} */
  List<String> lines(List<Sample> samples, List<Rail> rails, List<String> problems) {
    List<Sample> sorted = sorted(samples);
    int gone = (int) sorted.stream().filter(Sample::isGone).count();
    int there = sorted.size() - gone;
    List<String> lines = new ArrayList<>();
    lines.add(
        "te top  %s  %d %s by %s%s; bytes, transfers per second"
            .formatted(
                CLOCK.format(at.atZone(ZoneId.systemDefault())),
                there,
                there == 1 ? "engine" : "engines",
                order.name().toLowerCase(Locale.ROOT),
                gone == 0 ? "" : ", " + gone + " gone"));
    problems.forEach(each -> lines.add("unreadable: " + each));
    if (!sorted.isEmpty()) {
      int index = index(sorted);
      int device = deviceWidth(sorted);
      lines.add(headings(device));
      int room = sorted.size() == 1 ? 1 : Math.max(1, (height - lines.size()) / 3);
      // Those that are gone may be hundreds, and leave the room to those that are there.
      room = Math.min(room, Math.max(1, there + Math.min(GONE_ROWS_MAX, height / GONE_PART)));
      // So that the chosen one is among those that fit.
      int first = Math.clamp((long) index - room + 1, 0, Math.max(0, sorted.size() - room));
      for (int i = first; i < Math.min(sorted.size(), first + room); i++) {
        lines.add(row(sorted.get(i), sorted.size() > 1 && i == index, device));
      }
      if (sorted.size() > room) {
        lines.add("  (%d more)".formatted(sorted.size() - room));
      }
      lines.add("");
      lines.addAll(details(sorted.get(index), rails));
    }
    return lines.stream().limit(height).map(line -> Brief.cut(line, width)).toList();
  }

  private List<Sample> sorted(List<Sample> samples) {
    return samples.stream().sorted(order.engines()).toList();
  }

  /** {@return the place of the chosen one, 0 if there is none} */
  private int index(List<Sample> sorted) {
    for (int i = 0; i < sorted.size(); i++) {
      if (chosen.equals(Optional.of(sorted.get(i).now().file()))) {
        return i;
      }
    }
    return 0;
  }

  /** {@return the file of the engine so many places below the chosen one, around the end} */
  Optional<Path> beside(List<Sample> samples, int places) {
    List<Sample> sorted = sorted(samples);
    return sorted.isEmpty()
        ? chosen
        : Optional.of(
            sorted.get(Math.floorMod(index(sorted) + places, sorted.size())).now().file());
  }

  // ---- the table

  private int nameWidth(int others) {
    return Math.max(NAME_MIN, width - others);
  }

  /** {@return how wide the column of bytes of devices is; 0 if there is none} */
  private int deviceWidth(List<Sample> all) {
    boolean isWide = width - ROW_OTHERS - ROW_DEVICE >= ROW_NAME;
    return isWide && all.stream().anyMatch(Sample::hasDevices) ? ROW_DEVICE : 0;
  }

  private String headings(int device) {
    return Brief.right("PID", 8)
        + " "
        + Brief.left("ENGINE", nameWidth(ROW_OTHERS + device))
        + "   READ WRITE SERVE"
        + (device > 0 ? Brief.right("DEV", device) : "")
        + " XFERS   P50   P99 BUSY LANES FAIL";
  }

  private String row(Sample sample, boolean isChosen, int device) {
    MetricsSnapshot figures = sample.now().metrics();
    String start =
        (isChosen ? ">" : " ")
            + Brief.right(Integer.toString(sample.now().pid()), 7)
            + " "
            + Brief.left(sample.now().segmentName(), nameWidth(ROW_OTHERS + device))
            + " ";
    if (!sample.isFresh(at)) {
      return start + " " + state(sample);
    }
    LatencyHistogram latency = sample.latency();
    return start
        + Brief.right(Brief.bytes(sample.perSecond(Counter.BYTES_READ)), 6)
        + Brief.right(Brief.bytes(sample.perSecond(Counter.BYTES_WRITTEN)), 6)
        + Brief.right(Brief.bytes(served(sample)), 6)
        + (device > 0 ? Brief.right(Brief.bytes(sample.deviceBytesPerSecond()), device) : "")
        + Brief.right(Brief.count(sample.perSecond(Counter.TRANSFERS_COMPLETED)), 6)
        + Brief.right(Brief.micros(latency.percentileMicros(MEDIAN)), 6)
        + Brief.right(Brief.micros(latency.percentileMicros(HIGH)), 6)
        + Brief.right(Brief.count(figures.get(Gauge.TRANSFERS_UNDER_WAY)), 5)
        + Brief.right(Brief.count(lanes(figures)), 6)
        + Brief.right(Brief.count(sample.failures()), 5);
  }

  private static double served(Sample sample) {
    return sample.perSecond(Counter.INBOUND_BYTES_READ, Counter.INBOUND_BYTES_WRITTEN);
  }

  private static long lanes(MetricsSnapshot figures) {
    return figures.get(Gauge.LANES_OPEN)
        + figures.get(Gauge.RDMA_ENDPOINTS_OPEN)
        + figures.get(Gauge.LOCAL_PEERS_OPEN);
  }

  /** {@return what is to be known of the process} */
  private String state(Sample sample) {
    String age = age(sample.age(at));
    return switch (sample.now().state()) {
      case GONE -> "the process is gone; figures of " + age + " ago";
      case RUNS -> sample.isFresh(at) ? "runs" : "runs, but has written no figures for " + age;
      case UNKNOWN ->
          sample.isFresh(at)
              ? "writes figures, in another pid namespace"
              : "no figures for " + age + ", in another pid namespace";
    };
  }

  private static String age(Duration age) {
    return Units.age(Math.max(0, age.toSeconds()));
  }

  // ---- one engine

  private List<String> details(Sample sample, List<Rail> rails) {
    EngineCounters now = sample.now();
    MetricsSnapshot all = now.metrics();
    List<String> lines = new ArrayList<>();
    lines.add(
        "%s  pid %d  %s  up %s  %s"
            .formatted(
                now.segmentName(),
                now.pid(),
                String.join(",", now.transports()),
                age(Duration.between(now.opened(), now.written())),
                state(sample)));
    lines.add(
        "moved     "
            + bytes(sample, Counter.BYTES_READ, Counter.BYTES_WRITTEN)
            + "  transfers "
            + count(sample, Counter.TRANSFERS_COMPLETED));
    addOfDevices(lines, sample, Counter.DEVICE_BYTES_READ, Counter.DEVICE_BYTES_WRITTEN);
    lines.add(
        "served    "
            + bytes(sample, Counter.INBOUND_BYTES_READ, Counter.INBOUND_BYTES_WRITTEN)
            + "  requests "
            + count(sample, Counter.INBOUND_REQUESTS));
    addOfDevices(
        lines, sample, Counter.INBOUND_DEVICE_BYTES_READ, Counter.INBOUND_DEVICE_BYTES_WRITTEN);
    lines.add(
        "under way %s transfers, %s of them waiting, %sB; %sB queued for peers"
            .formatted(
                Brief.count(all.get(Gauge.TRANSFERS_UNDER_WAY)),
                Brief.count(all.get(Gauge.TRANSFERS_WAITING)),
                Brief.bytes(all.get(Gauge.BYTES_UNDER_WAY)),
                Brief.bytes(all.get(Gauge.INBOUND_BYTES_QUEUED))));
    lines.add(
        "latency   %s; since the start %s"
            .formatted(percentiles(sample.latency()), percentiles(all.latency())));
    lines.add(
        "lanes     %s to peers, %s from peers; %s RDMA endpoints; %s peers by copying"
            .formatted(
                Brief.count(all.get(Gauge.LANES_OPEN)),
                Brief.count(all.get(Gauge.INBOUND_CONNECTIONS_OPEN)),
                Brief.count(all.get(Gauge.RDMA_ENDPOINTS_OPEN)),
                Brief.count(all.get(Gauge.LOCAL_PEERS_OPEN))));
    addMemory(lines, all);
    lines.addAll(Brief.wrapped("failures  ", failures(sample), width, WRAPPED_LINES));
    lines.addAll(Brief.wrapped("watch     ", unusual(sample), width, WRAPPED_LINES));
    lines.add("");
    // Before the peers, who may be many.
    lines.addAll(Rail.lines(rails));
    lines.addAll(peers(sample));
    return lines;
  }

  /** A line below that of all bytes, if some of them were of devices. */
  private void addOfDevices(List<String> lines, Sample sample, Counter read, Counter written) {
    MetricsSnapshot all = sample.now().metrics();
    if (all.get(read) != 0 || all.get(written) != 0) {
      lines.add(" device   " + bytes(sample, read, written));
    }
  }

  private String bytes(Sample sample, Counter read, Counter written) {
    MetricsSnapshot all = sample.now().metrics();
    return "read %sB (%sB/s)  written %sB (%sB/s)"
        .formatted(
            Brief.bytes(all.get(read)),
            Brief.bytes(rate(sample, read)),
            Brief.bytes(all.get(written)),
            Brief.bytes(rate(sample, written)));
  }

  private String count(Sample sample, Counter counter) {
    return "%s (%s/s)"
        .formatted(
            Brief.count(sample.now().metrics().get(counter)), Brief.count(rate(sample, counter)));
  }

  /** Of a process that is gone, or silent, nobody knows what it does. */
  private double rate(Sample sample, Counter counter) {
    return sample.isFresh(at) ? sample.perSecond(counter) : 0;
  }

  private static String percentiles(LatencyHistogram latency) {
    return "p50 %s p99 %s"
        .formatted(
            Brief.micros(latency.percentileMicros(MEDIAN)),
            Brief.micros(latency.percentileMicros(HIGH)));
  }

  private static void addMemory(List<String> lines, MetricsSnapshot all) {
    lines.add(
        "memory    registered %sB host, %sB device in %s; managed %sB of %sB; staging %sB"
            .formatted(
                Brief.bytes(all.get(Gauge.REGISTERED_BYTES_HOST)),
                Brief.bytes(all.get(Gauge.REGISTERED_BYTES_DEVICE)),
                Brief.count(all.get(Gauge.REGISTRATIONS)),
                Brief.bytes(all.get(Gauge.MANAGED_BYTES_IN_USE)),
                Brief.bytes(all.get(Gauge.MANAGED_BYTES_RESERVED)),
                Brief.bytes(all.get(Gauge.STAGING_BYTES_IN_USE))));
    if (all.get(Gauge.MANAGED_DEVICE_BYTES_RESERVED) != 0) {
      lines.add(
          " device   managed %sB of %sB"
              .formatted(
                  Brief.bytes(all.get(Gauge.MANAGED_DEVICE_BYTES_IN_USE)),
                  Brief.bytes(all.get(Gauge.MANAGED_DEVICE_BYTES_RESERVED))));
    }
  }

  private static String failures(Sample sample) {
    StringJoiner text = new StringJoiner(", ");
    for (FailureCause cause : FailureCause.values()) {
      long count = sample.now().metrics().get(cause);
      if (count > 0) {
        long recent = sample.before().isEmpty() ? 0 : sample.interval().get(cause);
        text.add(
            cause.label() + " " + Brief.count(count) + (recent > 0 ? " (+" + recent + ")" : ""));
      }
    }
    return text.length() == 0 ? "none" : text.toString();
  }

  /** {@return counters that stay 0 where all is well, those that grow first} */
  private static String unusual(Sample sample) {
    StringJoiner growing = new StringJoiner(", ");
    StringJoiner still = new StringJoiner(", ");
    for (Counter counter : Counter.values()) {
      long count = sample.now().metrics().get(counter);
      if (count > 0 && !USUAL.contains(counter)) {
        long recent = sample.before().isEmpty() ? 0 : sample.interval().get(counter);
        String text = counter.name() + " " + Brief.count(count);
        if (recent > 0) {
          growing.add(text + " (+" + recent + ")");
        } else {
          still.add(text);
        }
      }
    }
    if (growing.length() == 0 && still.length() == 0) {
      return "nothing unusual";
    }
    return growing.length() == 0
        ? still.toString()
        : still.length() == 0 ? growing.toString() : growing + ", " + still;
  }

  private List<String> peers(Sample sample) {
    Map<String, PeerSnapshot> recent = sample.interval().peers();
    Map<String, PeerSnapshot> all = sample.now().metrics().peers();
    List<String> lines = new ArrayList<>();
    if (all.isEmpty()) {
      return lines;
    }
    int name = nameWidth(PEER_OTHERS);
    lines.add(Brief.left("PEER", name) + "  READ/s WRIT/s XFER/s   READ WRITTEN FAIL");
    recent.entrySet().stream()
        .sorted(order.peers())
        .forEach(
            each -> {
              PeerSnapshot total = all.getOrDefault(each.getKey(), each.getValue());
              PeerSnapshot last = each.getValue();
              lines.add(
                  Brief.left(each.getKey(), name)
                      + " "
                      + Brief.right(shown(sample, last.bytesRead()), 7)
                      + Brief.right(shown(sample, last.bytesWritten()), 7)
                      + Brief.right(shown(sample, last.transfersCompleted()), 7)
                      + Brief.right(Brief.bytes(total.bytesRead()), 7)
                      + Brief.right(Brief.bytes(total.bytesWritten()), 8)
                      + Brief.right(Brief.count(total.transfersFailed()), 5));
            });
    if (sample.now().peersOmitted() > 0) {
      lines.add("(%s more peers)".formatted(Units.count(sample.now().peersOmitted())));
    }
    return lines;
  }

  private String shown(Sample sample, long inInterval) {
    return sample.isFresh(at) ? Brief.bytes(sample.perSecond(inInterval)) : "-";
  }
}
