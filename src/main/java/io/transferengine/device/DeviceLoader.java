// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Loads libcuda once and keeps the outcome. The file's name is a parameter, so that a test can name
 * a file that does not exist.
 */
@SuppressWarnings("restricted") // opening the library is this class' purpose
final class DeviceLoader {
  private static final String BATCH = "cuMemcpyBatchAsync_v2";
  private static final String EXPORT = "cuMemGetHandleForAddressRange";
  private static final String GATE = "cuStreamWaitValue32_v2";
  private static final String FLUSH = "cuFlushGPUDirectRDMAWrites";

  /** The newest function that is needed; CUDA 11 has all others. */
  private static final String NEEDED = "cuDevicePrimaryCtxRelease_v2";

  private final String fileName;

  /** Null until the first question. */
  private @Nullable Outcome outcome;

  /** Has either a library, or why there is none and the remedy. */
  private record Outcome(@Nullable DeviceLibrary library, String cause, String remedy) {}

  DeviceLoader(String fileName) {
    this.fileName = fileName;
  }

  /** {@return whether there is a library and somebody has asked for it; does not look for it} */
  synchronized boolean isLoaded() {
    return outcome != null && outcome.library != null;
  }

  Optional<String> unavailabilityCause() {
    Outcome seen = outcome();
    return seen.library != null ? Optional.empty() : Optional.of(seen.cause + ". " + seen.remedy);
  }

  DeviceLibrary library() {
    Outcome seen = outcome();
    if (seen.library == null) {
      throw new TransferException(ErrorCode.DEVICE_NOT_FOUND, seen.cause, seen.remedy);
    }
    return seen.library;
  }

  private synchronized Outcome outcome() {
    if (outcome == null) {
      outcome = load();
    }
    return outcome;
  }

  private Outcome load() {
    try {
      SymbolLookup found = SymbolLookup.libraryLookup(fileName, Arena.global());
      if (found.find(NEEDED).isEmpty()) {
        return refused(fileName + " has no " + NEEDED, "Install NVIDIA's driver 450 or newer");
      }
      DeviceLibrary library =
          new CudaLibrary(
              found.find(BATCH).isPresent(),
              found.find(EXPORT).isPresent(),
              found.find(GATE).isPresent(),
              found.find(FLUSH).isPresent());
      return library.count() > 0
          ? new Outcome(library, "", "")
          : refused(
              "NVIDIA's driver shows no device to this process",
              "Look at CUDA_VISIBLE_DEVICES, or at what the container may use");
    } catch (DeviceException notInitialized) {
      return refused(
          String.valueOf(notInitialized.getMessage()),
          "nvidia-smi must list a device; look at CUDA_VISIBLE_DEVICES too");
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
      return refused(fileName + " not found", "It comes with NVIDIA's driver");
    }
  }

  private static Outcome refused(String cause, String remedy) {
    return new Outcome(null, cause, remedy);
  }
}
