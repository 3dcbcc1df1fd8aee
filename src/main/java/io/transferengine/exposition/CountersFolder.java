// SPDX-License-Identifier: Apache-2.0
package io.transferengine.exposition;

import io.transferengine.os.OwnUser;
import io.transferengine.os.Platform;
import io.transferengine.os.Processes;
import io.transferengine.os.UnwaitedFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The folder with the counters files of one user's engines. Files of processes that have ended stay
 * for a while, so that their last figures can be read; the next engine removes what is too old or
 * too much.
 */
public final class CountersFolder {
  /** Not {@code java.io.tmpdir}: whoever looks for the files has another one. */
  private static final Path PARENT = Path.of("/tmp");

  private static final String NAME = "transfer-engine-";
  private static final Pattern FOLDER = Pattern.compile(Pattern.quote(NAME) + "[0-9]{1,10}");
  private static final Pattern FILE = Pattern.compile("([0-9]{1,10})-[0-9a-f]{1,16}\\.counters");

  /** More engines than a machine has, or rubbish. */
  private static final int FILES_MAX = 1024;

  private static final int ROOT = 0;

  /** Users of a machine whose folders are looked into. */
  private static final int FOLDERS_MAX = 256;

  /** Of processes that have ended: for who looks why. */
  static final int GONE_MAX = 16;

  static final long GONE_MILLIS = TimeUnit.DAYS.toMillis(1);

  /** An engine writes every few seconds; of one that cannot be looked at, this is its end. */
  static final long SILENT_MILLIS = TimeUnit.HOURS.toMillis(1);

  private static final Set<PosixFilePermission> PRIVATE =
      PosixFilePermissions.fromString("rwx------");

  private CountersFolder() {}

  /** {@return that of this process's user} */
  static Path own() throws IOException {
    return PARENT.resolve(NAME + Integer.toUnsignedString(OwnUser.id()));
  }

  /**
   * {@return those of all users if this process is root's, else that of its user} Others' would
   * cost time and say what they like. One that is not its user's is no such folder.
   */
  public static List<Path> all() throws IOException {
    List<Path> found = new ArrayList<>();
    int user = OwnUser.id();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(PARENT, NAME + "*")) {
      for (Path each : entries) {
        if (found.size() < FOLDERS_MAX
            && FOLDER.matcher(each.getFileName().toString()).matches()
            && isOf(each, user)) {
          found.add(each);
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    found.sort(Comparator.naturalOrder());
    return found;
  }

  private static boolean isOf(Path folder, int user) {
    try {
      Map<String, Object> found =
          Files.readAttributes(folder, "unix:uid,isDirectory", LinkOption.NOFOLLOW_LINKS);
      int owner = (Integer) Objects.requireNonNull(found.get("uid"));
      return Boolean.TRUE.equals(found.get("isDirectory"))
          && folder.getFileName().toString().equals(NAME + Integer.toUnsignedString(owner))
          && (owner == user || user == ROOT);
    } catch (IOException gone) {
      return false;
    }
  }

  /** {@return the counters files in a folder; none if there is no such folder} */
  public static List<Path> files(Path folder) throws IOException {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      for (Path each : entries) {
        if (found.size() < FILES_MAX && pid(each).isPresent()) {
          found.add(each);
        }
      }
    } catch (NoSuchFileException none) {
      return List.of();
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    found.sort(Comparator.naturalOrder());
    return found;
  }

  private static Optional<Integer> pid(Path file) {
    Matcher name = FILE.matcher(String.valueOf(file.getFileName()));
    try {
      return name.matches() ? Optional.of(Integer.valueOf(name.group(1))) : Optional.empty();
    } catch (NumberFormatException tooLarge) {
      return Optional.empty();
    }
  }

  /** {@return the name of a file of this process, which no other has} */
  static String name(int pid, long random) {
    return pid + "-" + Long.toHexString(random) + ".counters";
  }

  /**
   * Makes a folder if it is missing.
   *
   * @throws IOException if it is another user's, or somebody else may write to it
   */
  static void prepare(Path folder) throws IOException {
    try {
      var _ = Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(PRIVATE));
      return;
    } catch (FileAlreadyExistsException known) {
      // It may be anybody's: /tmp is everybody's.
    }
    Map<String, Object> found =
        Files.readAttributes(folder, "unix:uid,permissions,isDirectory", LinkOption.NOFOLLOW_LINKS);
    if (!Boolean.TRUE.equals(found.get("isDirectory"))) {
      throw new IOException(folder + " is no folder");
    }
    if (!Integer.valueOf(OwnUser.id()).equals(found.get("uid"))) {
      throw new IOException(folder + " belongs to user " + found.get("uid"));
    }
    Set<PosixFilePermission> permissions =
        Files.getPosixFilePermissions(folder, LinkOption.NOFOLLOW_LINKS);
    if (permissions.contains(PosixFilePermission.GROUP_WRITE)
        || permissions.contains(PosixFilePermission.OTHERS_WRITE)) {
      throw new IOException("others may write to " + folder);
    }
  }

  /**
   * {@return what a file says}
   *
   * @throws IOException if it cannot be read, or is no counters file
   */
  public static CountersRecord read(Path file) throws IOException {
    BasicFileAttributes kind =
        Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    if (!kind.isRegularFile()) {
      throw new IOException(file + " is no regular file");
    }
    // It may be a pipe by now: root looks into folders of all users. And it is read, not mapped: a
    // mapped file that somebody cuts short ends the process.
    byte[] both = content(file, 2 * CountersText.BYTES_MAX);
    Optional<CountersRecord> first = CountersText.read(both);
    Optional<CountersRecord> second =
        CountersText.read(
            Arrays.copyOfRange(both, Math.min(both.length, CountersText.BYTES_MAX), both.length));
    if (first.isEmpty() && second.isEmpty()) {
      throw new IOException(file + " is no counters file of an engine, or it is cut short");
    }
    if (first.isEmpty() || second.isEmpty()) {
      return first.or(() -> second).orElseThrow();
    }
    return first.get().number() > second.get().number() ? first.get() : second.get();
  }

  /** Elsewhere there are no such C functions, and no engine that writes into others' folders. */
  private static byte[] content(Path file, int limitBytes) throws IOException {
    if (Platform.isLinux()) {
      return UnwaitedFile.read(file, limitBytes);
    }
    try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
      return in.readNBytes(limitBytes);
    }
  }

  /** Removes files of processes that have ended: those too old, and the oldest of too many. */
  static void clean(Path folder, Processes processes, long nowMillis) throws IOException {
    record Gone(Path file, long millis) {}
    List<Gone> gone = new ArrayList<>();
    for (Path file : files(folder)) {
      try {
        long millis = Files.getLastModifiedTime(file, LinkOption.NOFOLLOW_LINKS).toMillis();
        if (isGone(file, processes, nowMillis - millis >= SILENT_MILLIS)) {
          gone.add(new Gone(file, millis));
        }
      } catch (IOException raced) {
        // Somebody else has removed it.
      }
    }
    gone.sort(Comparator.comparingLong(Gone::millis).reversed());
    for (int i = 0; i < gone.size(); i++) {
      if (i >= GONE_MAX || nowMillis - gone.get(i).millis() >= GONE_MILLIS) {
        boolean _ = Files.deleteIfExists(gone.get(i).file());
      }
    }
  }

  /**
   * {@return whether the engine of a file is gone; one in another pid namespace that writes nothing
   * for an hour counts so}
   */
  private static boolean isGone(Path file, Processes processes, boolean isSilent) {
    try {
      return switch (read(file).owner().fate(processes)) {
        case RUNS -> false;
        case GONE -> true;
        case UNKNOWN -> isSilent;
      };
    } catch (IOException notOurs) {
      // It may have been made just now. What is in it when its process has ended matters to nobody.
      return isSilent || processes.startOf(pid(file).orElse(0)) < 0;
    }
  }
}
