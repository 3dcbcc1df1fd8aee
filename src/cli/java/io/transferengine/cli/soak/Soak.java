// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.CommandException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Groups at once, each with a configuration of its own; after some rounds a group ends and one with
 * the next configuration begins. The first failure ends all.
 */
final class Soak implements AutoCloseable {
  /** Enough for leaks to show beside what grows at first. */
  private static final int ROUNDS_OF_A_GROUP = 1000;

  /** Seeds of groups lie this far apart. */
  private static final long SEEDS = 1_000_000;

  /** Of a folder in which somebody still makes files, and the pause between two. */
  private static final int REMOVALS_MAX = 500;

  private static final long REMOVAL_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  private final Options options;
  private final Figures figures = new Figures();
  private final List<Thread> threads = new ArrayList<>();
  private final CountDownLatch ended;
  private final AtomicInteger begun = new AtomicInteger();
  private final Set<Path> folders = ConcurrentHashMap.newKeySet();
  private volatile boolean stopped;
  private volatile @Nullable Failure failure;

  /**
   * What is run.
   *
   * @param configurations in turns
   * @param groups at once
   * @param members processes of a group
   * @param links network interfaces that it may take down for a while
   * @param fullHeaps whether the heap of a process may be full for a while
   * @param spoil for a test that it finds something
   */
  record Options(
      CommandEnvironment environment,
      String protocol,
      List<Configuration> configurations,
      int groups,
      int members,
      long seed,
      List<String> links,
      boolean fullHeaps,
      boolean spoil) {}

  /** What went wrong, and what replays it. */
  record Failure(Throwable cause, Configuration configuration, long seed) {}

  Soak(Options options) {
    this.options = options;
    ended = new CountDownLatch(options.groups());
  }

  void start() {
    for (int i = 0; i < options.groups(); i++) {
      Thread thread = Thread.ofPlatform().daemon().name("te-soak-" + i).unstarted(this::run);
      threads.add(thread);
      thread.start();
    }
  }

  Figures figures() {
    return figures;
  }

  /** {@return what went wrong} */
  Optional<Failure> failure() {
    return Optional.ofNullable(failure);
  }

  /** Waits; {@return whether all have ended} They do so by a failure, or when stopped. */
  boolean await(Duration time) throws InterruptedException {
    return ended.await(time.toMillis(), TimeUnit.MILLISECONDS);
  }

  private void run() {
    try {
      while (!stopped) {
        int index = begun.getAndIncrement();
        List<Configuration> all = options.configurations();
        runGroup(all.get(index % all.size()), options.seed() + index * SEEDS);
      }
    } finally {
      ended.countDown();
    }
  }

  private void runGroup(Configuration configuration, long firstSeed) {
    Optional<Path> made = newFolder();
    if (made.isPresent()) {
      runGroup(configuration, firstSeed, made.get());
    }
  }

  private void runGroup(Configuration configuration, long firstSeed, Path folder) {
    long seed = firstSeed;
    try (Run run =
        new Run(
            Setup.of(options.environment(), folder, options.protocol(), configuration)
                .withLinks(options.links())
                .withFullHeaps(options.fullHeaps()),
            options.members(),
            firstSeed,
            figures)) {
      for (int i = 0; i < ROUNDS_OF_A_GROUP && !stopped; i++) {
        seed = run.seed();
        if (options.spoil()) {
          run.spoil();
        }
        run.round();
      }
    } catch (Throwable t) {
      fail(new Failure(t, configuration, seed));
    } finally {
      discard(folder, () -> remove(folder));
    }
  }

  /** One at a time: whoever ends the process waits for a group that is about it. */
  private void discard(Path folder, Runnable removal) {
    synchronized (folders) {
      if (folders.contains(folder)) {
        removal.run();
        folders.remove(folder);
      }
    }
  }

  /** {@return one that {@link #abandon} knows of; empty if that has been} */
  private synchronized Optional<Path> newFolder() {
    if (stopped) {
      return Optional.empty();
    }
    Path folder = folder();
    folders.add(folder);
    return Optional.of(folder);
  }

  /** The process is being ended: nothing waits, and no memory of the processes stays behind. */
  void abandon() {
    synchronized (this) {
      stopped = true;
    }
    // They would make files until they notice that we are gone.
    List<ProcessHandle> children = ProcessHandle.current().children().toList();
    children.forEach(ProcessHandle::destroyForcibly);
    children.forEach(child -> child.onExit().join());
    options.links().forEach(Cut::mend);
    for (Path folder : List.copyOf(folders)) {
      discard(folder, () -> removeFromUnderOthers(folder));
    }
  }

  /** A group may be about to start its processes: it makes files until it finds no folder. */
  private static void removeFromUnderOthers(Path folder) {
    for (int i = 0; i < REMOVALS_MAX; i++) {
      try {
        remove(folder);
        return;
      } catch (UncheckedIOException e) {
        LockSupport.parkNanos(REMOVAL_PAUSE_NANOS);
      }
    }
  }

  private synchronized void fail(Failure found) {
    if (failure == null && !stopped) {
      failure = found;
    }
    stopped = true;
  }

  /** In memory if possible: all of it is looked at again and again. */
  private static Path folder() {
    Path shared = Path.of("/dev/shm");
    // So that who finds one can see whose it is.
    String name = "te-soak-" + ProcessHandle.current().pid() + "-";
    try {
      return Files.isWritable(shared)
          ? Files.createTempDirectory(shared, name)
          : Files.createTempDirectory(name);
    } catch (IOException e) {
      throw CommandException.lacks("No folder for the processes' memory: " + e.getMessage());
    }
  }

  private static void remove(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    end();
  }

  /** Ends after the rounds that run, and waits for that. */
  void end() {
    synchronized (this) {
      stopped = true;
    }
    try {
      for (Thread thread : threads) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
