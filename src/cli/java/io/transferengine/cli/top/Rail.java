// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.top;

import io.transferengine.cli.console.Units;
import io.transferengine.topology.RailCounters;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.regex.Pattern;

/**
 * What went over a port of an RDMA device in the last interval, for all processes.
 *
 * @param now what the kernel has counted
 * @param before the same at the look before; empty if there is none
 * @param seconds between them
 */
record Rail(RailCounters now, Optional<RailCounters> before, double seconds) {
  /** Traffic, and how often the device makes its counters anew. All others tell of trouble. */
  private static final Pattern USUAL =
      Pattern.compile(
          "port_(?:xmit|rcv)_(?:data|packets)|(?:uni|multi)cast_(?:xmit|rcv)_packets"
              + "|(?:sent|rcvd)_pkts|rdma_(?:sends|recvs)|(?:rx|tx)_[a-z]+_(?:requests|connect)"
              + "|(?:rx|tx)_(?:bytes|pkts)|lifespan");

  /** Looks at all ports again and again. For one thread. */
  static final class Looks {
    /** Where ports are counted. */
    interface Source {
      List<RailCounters> now();
    }

    private final Source source;
    private List<RailCounters> last = List.of();
    private long lastNanos;

    Looks(Source source) {
      this.source = source;
    }

    List<Rail> look() {
      List<RailCounters> found = source.now();
      long nanos = System.nanoTime();
      double seconds = Units.seconds(nanos - lastNanos);
      List<Rail> rails = new ArrayList<>();
      for (RailCounters each : found) {
        rails.add(
            new Rail(
                each,
                last.stream()
                    .filter(one -> one.device().equals(each.device()) && one.port() == each.port())
                    .findFirst(),
                seconds));
      }
      last = found;
      lastNanos = nanos;
      return rails;
    }
  }

  String name() {
    return now.device() + "/" + now.port();
  }

  /** {@return a second's part of a figure; empty if there is none, or only one look} */
  OptionalDouble perSecond(Function<RailCounters, OptionalLong> figure) {
    OptionalLong last = figure.apply(now);
    OptionalLong first = before.map(figure).orElse(OptionalLong.empty());
    return last.isEmpty() || first.isEmpty() || seconds <= 0
        ? OptionalDouble.empty()
        : OptionalDouble.of(Math.max(0, last.getAsLong() - first.getAsLong()) / seconds);
  }

  /** {@return how many more there are since the look before; 0 without one} */
  long growth(String counter) {
    long value = now.counters().getOrDefault(counter, 0L);
    return before.map(first -> value - first.counters().getOrDefault(counter, value)).orElse(0L);
  }

  /** {@return counters that stay 0 where all is well, those that grow first} */
  String unusual() {
    List<String> growing = new ArrayList<>();
    List<String> still = new ArrayList<>();
    for (Map.Entry<String, Long> each : now.counters().entrySet()) {
      if (each.getValue() != 0 && !USUAL.matcher(each.getKey()).matches()) {
        long growth = growth(each.getKey());
        String text = each.getKey() + " " + Brief.count(each.getValue());
        if (growth > 0) {
          growing.add(text + " (+" + growth + ")");
        } else {
          still.add(text);
        }
      }
    }
    growing.addAll(still);
    return String.join(", ", growing);
  }

  // ---- lines

  /** {@return a table of them; nothing if there are none} */
  static List<String> lines(List<Rail> rails) {
    List<String> lines = new ArrayList<>();
    if (rails.isEmpty()) {
      return lines;
    }
    lines.add("RAIL         STATE  RECV/s SENT/s PKTIN/s PKOUT/s  all processes");
    for (Rail each : rails) {
      lines.add(
          Brief.left(each.name(), 12)
              + " "
              + Brief.left(each.now.state(), 6)
              + Brief.right(bytes(each.perSecond(RailCounters::bytesReceived)), 7)
              + Brief.right(bytes(each.perSecond(RailCounters::bytesSent)), 7)
              + Brief.right(count(each.perSecond(RailCounters::packetsReceived)), 8)
              + Brief.right(count(each.perSecond(RailCounters::packetsSent)), 8));
      String unusual = each.unusual();
      if (!unusual.isEmpty()) {
        lines.add("  " + unusual);
      }
    }
    lines.add("");
    return lines;
  }

  private static String bytes(OptionalDouble rate) {
    return rate.isEmpty() ? "-" : Brief.bytes(rate.getAsDouble());
  }

  private static String count(OptionalDouble rate) {
    return rate.isEmpty() ? "-" : Brief.count(rate.getAsDouble());
  }
}
