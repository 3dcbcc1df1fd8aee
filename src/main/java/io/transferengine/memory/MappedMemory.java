// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Tells whether memory is mapped readable and writable now, from what the kernel says about this
 * process in {@code /proc/self/maps}. A wrong address is refused at registration, where it is a
 * status, and not at the first transfer, where it would end the JVM.
 *
 * <p>Where that file is missing (other systems, containers without {@code /proc}) every range is
 * accepted: there the caller alone answers for the address. Where it is there, but cannot be read,
 * every range is refused: a check that could not be made has failed.
 *
 * <p>Thread-safe. Reading takes about a millisecond; for many ranges use {@link
 * #requireAllReadableWritable}, which reads once.
 */
public final class MappedMemory {
  private static final Path SELF_MAPS = Path.of("/proc/self/maps");

  /**
   * As often as the file is read before a range is refused. The kernel writes it page by page while
   * other threads map and unmap, so one reading may miss a mapping that is being split or merged.
   */
  private static final int READING_LIMIT = 2;

  /**
   * One line of the file; {@code end} is exclusive. A registration reads all lines, a refusal shows
   * one: so {@code rest} is taken apart when somebody asks.
   */
  private record Mapping(long start, long end, String rest) {
    boolean isReadableWritable() {
      return rest.startsWith("rw");
    }

    String permissions() {
      return rest.trim().split("\\s+", 2)[0];
    }

    String name() {
      String[] fields = rest.trim().split("\\s+", 5);
      return fields.length < 5 ? "" : fields[4];
    }
  }

  private MappedMemory() {}

  /**
   * Refuses a range of which any byte is not mapped readable and writable. It may span several
   * mappings that lie side by side.
   *
   * @throws TransferException {@link ErrorCode#INVALID_ARGUMENT}, which says what is there instead;
   *     {@link ErrorCode#CONTEXT} when that could not be found out
   */
  public static void requireReadableWritable(long address, long length) {
    requireAllReadableWritable(new long[] {address}, new long[] {length});
  }

  /**
   * As {@link #requireReadableWritable} for as many ranges as {@code addresses} has; the first bad
   * one is named.
   */
  public static void requireAllReadableWritable(long[] addresses, long[] lengths) {
    requireAllReadableWritable(SELF_MAPS, addresses, lengths);
  }

  static void requireAllReadableWritable(Path maps, long[] addresses, long[] lengths) {
    Ranges.requireAllValid(addresses, lengths);
    if (addresses.length == 0) {
      return;
    }
    for (int reading = 1; ; reading++) {
      Optional<List<Mapping>> mappings = read(maps, addresses[0], lengths[0]);
      if (mappings.isEmpty()) {
        return;
      }
      Optional<TransferException> refusal = check(mappings.get(), addresses, lengths);
      if (refusal.isEmpty()) {
        return;
      }
      if (reading == READING_LIMIT) {
        throw refusal.get();
      }
    }
  }

  private static Optional<TransferException> check(
      List<Mapping> mappings, long[] addresses, long[] lengths) {
    for (int i = 0; i < addresses.length; i++) {
      String fault = fault(mappings, addresses[i], addresses[i] + lengths[i]);
      if (!fault.isEmpty()) {
        return Optional.of(
            new TransferException(
                ErrorCode.INVALID_ARGUMENT,
                "Memory "
                    + Ranges.text(addresses[i], lengths[i])
                    + " is not wholly mapped readable and writable: "
                    + fault,
                "Give memory that is allocated now, and no more than its length."));
      }
    }
    return Optional.empty();
  }

  /** {@return what is wrong with the range, empty when nothing is} */
  private static String fault(List<Mapping> mappings, long address, long end) {
    long position = address;
    int index = firstEndingAbove(mappings, address);
    while (position < end) {
      if (index == mappings.size() || mappings.get(index).start > position) {
        long gapEnd = index == mappings.size() ? end : Math.min(end, mappings.get(index).start);
        return mappedSoFar(address, position)
            + "nothing is mapped from "
            + Ranges.hex(position)
            + " to "
            + Ranges.hex(gapEnd);
      }
      Mapping mapping = mappings.get(index++);
      if (!mapping.isReadableWritable()) {
        return mappedSoFar(address, position)
            + Ranges.hex(position)
            + " to "
            + Ranges.hex(Math.min(end, mapping.end))
            + " is mapped "
            + mapping.permissions()
            + (mapping.name().isEmpty() ? "" : " (" + mapping.name() + ")");
      }
      position = mapping.end;
    }
    return "";
  }

  private static String mappedSoFar(long address, long position) {
    return position == address ? "" : "it is so up to " + Ranges.hex(position) + ", but ";
  }

  /** Mappings are sorted and do not overlap, hence their ends are sorted as well. */
  private static int firstEndingAbove(List<Mapping> mappings, long address) {
    int low = 0;
    int high = mappings.size();
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (mappings.get(middle).end > address) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  /** {@return what is mapped; empty where there is no such file} */
  private static Optional<List<Mapping>> read(Path maps, long address, long length) {
    List<Mapping> mappings = new ArrayList<>();
    // File names in it may hold any bytes: Latin-1 decodes all of them.
    try (var lines = Files.newBufferedReader(maps, StandardCharsets.ISO_8859_1)) {
      for (var line = lines.readLine(); line != null; line = lines.readLine()) {
        parse(line).ifPresent(mappings::add);
      }
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw notChecked(maps, address, length, e);
    }
    if (mappings.isEmpty()) {
      throw notChecked(maps, address, length, new IOException("it lists no mapping"));
    }
    return Optional.of(mappings);
  }

  private static TransferException notChecked(
      Path maps, long address, long length, IOException cause) {
    return new TransferException(
        ErrorCode.CONTEXT,
        "Whether memory "
            + Ranges.text(address, length)
            + " is mapped could not be checked: "
            + maps
            + " cannot be read ("
            + cause.getMessage()
            + ")",
        "Has the process used up its descriptors (ulimit -n)? Register again once it can be read.",
        cause);
  }

  /**
   * {@code 7f00-7f10 rw-p 00000000 00:00 0 [heap]}, numbers in hexadecimal. Lines of another shape
   * and the kernel's own page above 2^63 ({@code [vsyscall]}) are left out.
   */
  private static Optional<Mapping> parse(String line) {
    int dash = line.indexOf('-');
    int space = line.indexOf(' ');
    if (dash < 1 || space < dash || line.length() < space + 3) {
      return Optional.empty();
    }
    try {
      long start = Long.parseLong(line, 0, dash, 16);
      long end = Long.parseLong(line, dash + 1, space, 16);
      return Optional.of(new Mapping(start, end, line.substring(space + 1)));
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }
}
