// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.Ranges;
import io.transferengine.transfer.Operation;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The KV caches that are moved, instead of blocks at constant distances. */
final class PagedOptions {
  private static final int TOKENS_LIMIT = 100_000_000;
  private static final int PAGE_TOKENS_LIMIT = 65_536;
  private static final int REQUESTS_LIMIT = 1_000_000;
  private static final int SCALE_LIMIT = 1_000_000;

  /** A pool has this many times the needed pages, if memory allows it. */
  private static final double ROOM = 1.25;

  /** A target must name a request's pages in one line. */
  private static final int PAGES_LIMIT = 100_000;

  @Option(
      names = "--preset",
      paramLabel = "MODEL",
      converter = Preset.Converter.class,
      description =
          "Moves KV caches: llama3-8b, llama3-70b-tp8 (one of 8 devices) or deepseek-v3-fp8. A"
              + " batch is a request's pages in all layers, from an allocator that has been in use"
              + " for long. Instead of --sizes, --batch and --adjacent.")
  private @Nullable Preset preset;

  @Option(
      names = "--tokens",
      split = ",",
      paramLabel = "N",
      defaultValue = "6912",
      description = "With --preset, tokens of a request. Default: ${DEFAULT-VALUE}.")
  private List<Integer> tokens = new ArrayList<>();

  @Option(
      names = "--page-tokens",
      paramLabel = "N",
      defaultValue = "16",
      description = "With --preset and --trace, tokens of a page. Default: ${DEFAULT-VALUE}.")
  private int pageTokens;

  @Option(
      names = "--trace",
      paramLabel = "FILE",
      description =
          "Replays requests in Mooncake's published format, a JSON object on each line, between two"
              + " paged caches of --memory each. The source's cache shares prefixes. Without"
              + " --preset the model is llama3-70b-tp8.")
  private @Nullable Path trace;

  @Option(
      names = "--requests",
      paramLabel = "N",
      defaultValue = "1000",
      description = "With --trace, how many of its requests. Default: ${DEFAULT-VALUE}.")
  private int requests;

  @Option(
      names = "--token-scale",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "With --trace, moves one token for N of the trace's prompts. Default: ${DEFAULT-VALUE}.")
  private int tokenScale;

  @Option(
      names = "--time-scale",
      paramLabel = "X",
      description =
          "With --trace, requests arrive X times as fast as recorded, and their latency counts from"
              + " their arrival; at most --threads are moved at once. Default: they arrive as fast"
              + " as they are served.")
  private @Nullable Double timeScale;

  @Option(
      names = "--verify",
      description = "With --trace, compares every block of every request, which takes time.")
  private boolean verify;

  void requireValid() {
    tokens.forEach(count -> Ranges.require("--tokens", count, TOKENS_LIMIT));
    Ranges.require("--page-tokens", pageTokens, PAGE_TOKENS_LIMIT);
    Ranges.require("--requests", requests, REQUESTS_LIMIT);
    Ranges.require("--token-scale", tokenScale, SCALE_LIMIT);
    if (timeScale != null) {
      Ranges.requireAboveZero("--time-scale", timeScale, SCALE_LIMIT);
    }
    if (trace == null && (verify || timeScale != null || tokenScale != 1)) {
      throw CommandException.usage("--verify, --time-scale and --token-scale need --trace");
    }
  }

  boolean replays() {
    return trace != null;
  }

  boolean hasPreset() {
    return preset != null;
  }

  PresetWorkload.Plan preset(List<Operation> operations, int threads) {
    if (preset == null) {
      throw new IllegalStateException("No --preset");
    }
    return new PresetWorkload.Plan(preset, pageTokens, tokens, operations, threads);
  }

  /** {@return pages of each side's pool} */
  int presetPages(PresetWorkload.Plan plan, @Nullable Long memoryBytes, long memoryLimitBytes) {
    long most = (memoryBytes != null ? memoryBytes : memoryLimitBytes) / plan.pageBytes();
    long needed = plan.pagesNeeded();
    if (needed > Math.min(most, PAGES_LIMIT)) {
      throw CommandException.usage(
          ("--tokens, of all --threads, take %d pages of %d bytes on each side; the limit is %d:"
                  + " ask for fewer, or give more --memory")
              .formatted(needed, plan.pageBytes(), Math.min(most, PAGES_LIMIT)));
    }
    return (int) Math.min(Math.min(most, PAGES_LIMIT), (long) Math.ceil(needed * ROOM));
  }

  TracePlan trace(int threads) {
    if (trace == null) {
      throw new IllegalStateException("No --trace");
    }
    return new TracePlan(
        String.valueOf(trace.getFileName()),
        TraceFile.read(trace, requests),
        preset != null ? preset : Preset.LLAMA3_70B_TP8,
        pageTokens,
        tokenScale,
        timeScale != null ? timeScale : 0,
        threads,
        verify);
  }

  /** {@return pages of each side's cache} */
  int tracePages(TracePlan plan, long memoryBytes) {
    long pages = Math.min(PAGES_LIMIT, memoryBytes / plan.pageBytes());
    if (plan.largestPages() > pages) {
      throw CommandException.usage(
          ("The largest request of --trace has %d pages of %d bytes; --memory has room for %d: give"
                  + " more --memory, or a larger --token-scale")
              .formatted(plan.largestPages(), plan.pageBytes(), pages));
    }
    return (int) pages;
  }
}
