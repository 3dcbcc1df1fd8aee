// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The GID of a port that is used, and why.
 *
 * @param ranked the rows that may be used, best first: the first is the choice, the others are
 *     tried if it does not connect. Only one row if an index was given; none if nothing can be used
 * @param reason why this GID was chosen; or why none was, with the remedy; a clause
 */
public record GidChoice(List<GidEntry> ranked, String reason) {
  /** The index for the best GID. */
  public static final int AUTOMATIC = -1;

  /** A table may have hundreds of rows; an error shows the first ones. */
  private static final int SHOWN_MAX = 8;

  /** Copies the list. */
  public GidChoice {
    ranked = List.copyOf(ranked);
  }

  /**
   * {@return the best row by {@link GidRank}, among equals the lowest index; or the given row}
   *
   * @param entries the filled rows, from {@link GidTable#read}
   * @param explicitIndex the row to use, whatever it holds ({@code MC_GID_INDEX}); {@link
   *     #AUTOMATIC} for the best
   */
  public static GidChoice choose(List<GidEntry> entries, int explicitIndex) {
    if (explicitIndex != AUTOMATIC) {
      return explicit(entries, explicitIndex);
    }
    List<GidEntry> ranked =
        entries.stream()
            .filter(entry -> !entry.gid().isNull())
            .sorted(Comparator.comparing(GidRank::of).thenComparing(GidEntry::index))
            .toList();
    if (ranked.isEmpty()) {
      return new GidChoice(ranked, "the port has no GID: give its network interface an IP address");
    }
    GidRank best = GidRank.of(ranked.getFirst());
    long equals = ranked.stream().filter(entry -> GidRank.of(entry) == best).count();
    String count = equals == 1 ? "" : ", the first of " + equals;
    return new GidChoice(ranked, best.text() + count);
  }

  /** {@return the row to use, if there is one} */
  public Optional<GidEntry> chosen() {
    return alternative(0);
  }

  /**
   * {@return the row to use after {@code retry} rows did not connect; empty if none is left}
   *
   * @param retry 0 for the choice itself, 1 for the next best, and so on
   */
  public Optional<GidEntry> alternative(int retry) {
    return retry >= 0 && retry < ranked.size() ? Optional.of(ranked.get(retry)) : Optional.empty();
  }

  private static GidChoice explicit(List<GidEntry> entries, int index) {
    Optional<GidEntry> asked =
        entries.stream()
            .filter(entry -> entry.index() == index && !entry.gid().isNull())
            .findFirst();
    if (asked.isPresent()) {
      return new GidChoice(List.of(asked.get()), "MC_GID_INDEX is " + index);
    }
    String filled =
        entries.stream()
            .map(entry -> entry.index() + " (" + entry.gid() + ")")
            .limit(SHOWN_MAX)
            .collect(Collectors.joining(", "));
    return new GidChoice(
        List.of(),
        "MC_GID_INDEX is %d, which is an empty row; %s"
            .formatted(
                index,
                filled.isEmpty()
                    ? "the port has no GID at all: give its network interface an IP address"
                    : "filled are " + filled + ": set one of these, or -1"));
  }
}
