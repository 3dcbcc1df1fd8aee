// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.Units;
import io.transferengine.cli.target.MemoryPlace;
import io.transferengine.cli.target.MemoryPlaces;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The memory that is moved: how much, and where. */
final class MemoryOptions {
  private static final String MEMORY = "--memory";
  private static final String TARGET_MEMORY = "--target-memory";

  @Option(
      names = "--managed",
      description =
          "Memory that the engines allocate themselves on both sides, and not registered memory."
              + " Not with --preset or --trace.")
  private boolean managed;

  @Option(
      names = MEMORY,
      split = ",",
      paramLabel = "SIZE|PLACE",
      description =
          "How much memory on each side, and where that of the initiator is: host or cuda:N, memory"
              + " of a GPU (--memory 1G,cuda:0). A batch that needs more uses places again."
              + " Default: host, 512M, or less if memory is short; with --preset, what the preset"
              + " needs.")
  private List<String> memory = new ArrayList<>();

  @Option(
      names = TARGET_MEMORY,
      paramLabel = "PLACE",
      description = "Where that of the target is: host or cuda:N. Default: host.")
  private @Nullable String targetMemory;

  private @Nullable Long bytes;
  private MemoryPlaces places = MemoryPlaces.HOST;

  /** Reads the options; {@code here} if both sides are on this machine. */
  void requireValid(boolean here, boolean ofOneSize) {
    MemoryPlace ours = managed ? MemoryPlace.MANAGED : MemoryPlace.HOST;
    MemoryPlace theirs = ours;
    for (String word : memory) {
      Optional<MemoryPlace> place = place(MEMORY, word);
      if (place.isPresent()) {
        ours = place.get();
      } else {
        bytes = size(word);
      }
    }
    if (targetMemory != null) {
      String word = targetMemory;
      theirs = place(TARGET_MEMORY, word).orElseThrow(() -> noPlace(TARGET_MEMORY, word));
    }
    if (managed && !ofOneSize) {
      throw CommandException.usage("--managed is for blocks of one size, not --preset or --trace");
    }
    ours.requireHere();
    if (here) {
      theirs.requireHere();
    }
    places = new MemoryPlaces(ours, theirs);
  }

  private Optional<MemoryPlace> place(String option, String word) {
    Optional<MemoryPlace> place = MemoryPlace.named(word).filter(named -> !named.managed());
    if (place.isPresent() && managed) {
      throw CommandException.usage(option + " " + word + " does not go with --managed");
    }
    return place;
  }

  private static Long size(String word) {
    try {
      return new Units.SizeConverter().convert(word);
    } catch (TypeConversionException noSize) {
      throw noPlace(MEMORY, word);
    }
  }

  private static CommandException noPlace(String option, String word) {
    return CommandException.usage(
        "%s %s: give host or cuda:N%s"
            .formatted(option, word, option.equals(MEMORY) ? ", or a size such as 512M" : ""));
  }

  /** {@return how much, if that was said} */
  @Nullable Long bytes() {
    return bytes;
  }

  /** {@return where} */
  MemoryPlaces places() {
    return places;
  }
}
