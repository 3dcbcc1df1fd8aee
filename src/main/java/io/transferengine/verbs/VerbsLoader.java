// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.os.Platform;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Loads a library file once and keeps the outcome. The file's name is a parameter, so that a test
 * can name a file that does not exist.
 */
@SuppressWarnings("restricted") // opening the library is this class' purpose
final class VerbsLoader {
  private static final Path MAPS = Path.of("/proc/self/maps");

  private final String fileName;

  /** Null until the first question. */
  private @Nullable Outcome outcome;

  /** Has either a library or a refusal. */
  private record Outcome(@Nullable VerbsLibrary library, Refusal refusal) {}

  /** The cause and the remedy; both empty if the library was loaded. */
  private record Refusal(String cause, String remedy) {
    static final Refusal NONE = new Refusal("", "");
  }

  VerbsLoader(String fileName) {
    this.fileName = fileName;
  }

  Optional<String> unavailabilityCause() {
    Outcome seen = outcome();
    return seen.library != null
        ? Optional.empty()
        : Optional.of(seen.refusal.cause + ". " + seen.refusal.remedy);
  }

  VerbsLibrary library() {
    Outcome seen = outcome();
    if (seen.library == null) {
      throw new TransferException(ErrorCode.CONTEXT, seen.refusal.cause, seen.refusal.remedy);
    }
    return seen.library;
  }

  Optional<LoadedLibrary> loaded() {
    if (outcome().library == null) {
      return Optional.empty();
    }
    try (Stream<String> lines = Files.lines(MAPS, StandardCharsets.ISO_8859_1)) {
      return lines
          .map(line -> line.substring(Math.max(0, line.indexOf('/'))))
          .filter(this::isFile)
          .findFirst()
          .map(path -> new LoadedLibrary(path, versionOf(path)));
    } catch (IOException notReadable) {
      return Optional.empty();
    }
  }

  /** Whether {@code path} is our file: {@code libx.so.1}, perhaps with more digits after it. */
  private boolean isFile(String path) {
    String name = path.substring(path.lastIndexOf('/') + 1);
    return path.startsWith("/") && (name + ".").startsWith(fileName + ".");
  }

  private static String versionOf(String path) {
    int suffix = path.lastIndexOf(".so.");
    return suffix < 0 ? "" : path.substring(suffix + ".so.".length());
  }

  private synchronized Outcome outcome() {
    if (outcome == null) {
      outcome = load();
    }
    return outcome;
  }

  private Outcome load() {
    return attempt(
        () -> {
          SymbolLookup symbols = SymbolLookup.libraryLookup(fileName, Arena.global());
          if (!Platform.isLinux()) {
            throw new IllegalArgumentException(); // a namesake, or one that needs other calls
          }
          return new FfmVerbsLibrary(symbols);
        });
  }

  private Outcome attempt(Supplier<VerbsLibrary> loading) {
    try {
      return new Outcome(loading.get(), Refusal.NONE);
    } catch (MissingSymbolException tooOld) {
      return refused(
          fileName + " has no " + tooOld.symbol(), "Install libibverbs1 of rdma-core 17 or newer");
    } catch (IllegalCallerException notAllowed) {
      return refused(
          "Java does not allow native calls: " + notAllowed.getMessage(),
          "Start it with --enable-native-access=io.transferengine, or with ALL-UNNAMED when the"
              + " library is on the class path");
    } catch (UnsupportedOperationException noLinker) {
      return refused(
          "This Java has no native linker for this machine",
          "Use a JDK that has one, such as Temurin 25");
    } catch (IllegalArgumentException notFound) {
      return Platform.isLinux()
          ? refused(
              fileName + " not found", "Install libibverbs1 and ibverbs-providers (rdma-core)")
          : refused(
              "This system is not Linux", "RDMA needs Linux and libibverbs; elsewhere use TCP");
    }
  }

  private static Outcome refused(String cause, String remedy) {
    return new Outcome(null, new Refusal(cause, remedy));
  }
}
