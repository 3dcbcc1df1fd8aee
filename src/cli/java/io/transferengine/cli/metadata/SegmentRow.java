// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.metadata;

import io.transferengine.cli.console.Units;
import io.transferengine.diagnostics.RegisteredSegment;
import io.transferengine.diagnostics.RegisteredSegment.Offer;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.List;
import java.util.Optional;

/**
 * A line of {@code ./te segments}.
 *
 * @param cells in the order of the columns
 */
record SegmentRow(List<String> cells) {
  private static final int SHOWN_LENGTH_MAX = 60;
  private static final String UNKNOWN = "?";

  static SegmentRow of(RegisteredSegment segment) {
    Optional<Offer> offer = segment.offer();
    return new SegmentRow(
        List.of(
            cut(segment.name()),
            segment
                .address()
                .map(there -> cut(there.host()) + ":" + there.port())
                .orElse("unreadable"),
            offer.map(Offer::protocol).orElse(UNKNOWN),
            offer.map(found -> Integer.toString(found.buffers())).orElse(UNKNOWN),
            offer.map(found -> Units.size(found.bytes())).orElse(UNKNOWN),
            offer.flatMap(Offer::changed).flatMap(SegmentRow::age).orElse(UNKNOWN),
            switch (segment.presence()) {
              case REACHABLE -> "yes";
              case UNREACHABLE -> "no";
              case REPLACED -> "no: another engine has its port";
            }));
  }

  private static String cut(String text) {
    return text.length() <= SHOWN_LENGTH_MAX ? text : text.substring(0, SHOWN_LENGTH_MAX) + "...";
  }

  private static Optional<String> age(LocalDateTime then) {
    long seconds = Duration.between(then, LocalDateTime.now(ZoneId.systemDefault())).toSeconds();
    return seconds < 0 ? Optional.empty() : Optional.of(Units.age(seconds));
  }
}
