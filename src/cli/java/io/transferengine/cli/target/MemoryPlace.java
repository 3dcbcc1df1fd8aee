// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.target;

import io.transferengine.cli.console.CommandException;
import io.transferengine.diagnostics.GpuLibrary;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Where memory of a measurement is.
 *
 * @param managed whether the engine allocates it itself
 * @param gpu the GPU that has it, as in {@code cuda:N}; -1 for the host
 */
public record MemoryPlace(boolean managed, int gpu) {
  /** Memory of the host that is registered. */
  public static final MemoryPlace HOST = new MemoryPlace(false, -1);

  /** Managed memory of the host. */
  public static final MemoryPlace MANAGED = new MemoryPlace(true, -1);

  private static final Pattern GPU = Pattern.compile("cuda:([0-9]{1,4})");

  /** {@return a place by its name: {@code host}, {@code managed} or {@code cuda:N}} */
  public static Optional<MemoryPlace> named(String name) {
    var gpu = GPU.matcher(name);
    return switch (name) {
      case "host" -> Optional.of(HOST);
      case "managed" -> Optional.of(MANAGED);
      default ->
          gpu.matches()
              ? Optional.of(new MemoryPlace(false, Integer.parseInt(gpu.group(1))))
              : Optional.empty();
    };
  }

  /** {@return whether no processor may touch it} */
  public boolean isGpu() {
    return gpu >= 0;
  }

  /**
   * Looks whether this machine has it.
   *
   * @throws CommandException if there is no such GPU, with the reason
   */
  public void requireHere() {
    if (!isGpu()) {
      return;
    }
    GpuLibrary.unavailabilityCause()
        .ifPresent(
            why -> {
              throw CommandException.lacks("There is no memory " + this + " here: " + why);
            });
    int count = GpuLibrary.gpus().size();
    if (gpu >= count) {
      throw CommandException.lacks(
          "There is no memory %s here: this process sees %d GPUs (CUDA_VISIBLE_DEVICES), from cuda:0 up"
              .formatted(this, count));
    }
  }

  @Override
  public String toString() {
    return isGpu() ? "cuda:" + gpu : managed ? "managed" : "host";
  }
}
