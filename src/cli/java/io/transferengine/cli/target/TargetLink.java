// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.target;

import io.transferengine.cli.console.CommandException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Sends requests to a {@link RequestLoop}: one line there, one line back. Lines of the agent start
 * with {@link #MARK}; other lines are the JVM's own. Not thread-safe.
 */
public final class TargetLink implements AutoCloseable {
  static final String MARK = "@";
  static final String OK = "ok";
  static final String ERROR = "error";

  /** Digests of gigabytes take seconds on a busy machine; more than this is a hang. */
  private static final Duration REPLY_LIMIT = Duration.ofMinutes(2);

  /** A target opens an engine before its first line, which takes a while on a busy machine. */
  private static final Duration GREETING_LIMIT = Duration.ofSeconds(20);

  /** There is one reply to a request, and one end. */
  private static final int UNREAD_LIMIT = 4;

  private static final String END = "end";

  private final BlockingQueue<String> replies = new ArrayBlockingQueue<>(UNREAD_LIMIT);
  private final Writer requests;
  private final AutoCloseable owner;
  private final @Nullable String remote;
  private @Nullable String segmentName;

  /** A link to our own process; does not wait for it. Closing closes {@code owner}. */
  public TargetLink(InputStream in, OutputStream out, AutoCloseable owner) {
    this(in, out, owner, null);
  }

  private TargetLink(
      InputStream in, OutputStream out, AutoCloseable owner, @Nullable String remote) {
    this.requests = new OutputStreamWriter(out, StandardCharsets.UTF_8);
    this.owner = owner;
    this.remote = remote;
    Thread.ofPlatform().daemon().name("te-target-replies").start(() -> read(in));
  }

  /**
   * {@return a link to a listener at an address, which may not be a target}
   *
   * @param address host:port, for texts
   */
  public static TargetLink remote(
      InputStream in, OutputStream out, AutoCloseable owner, String address) {
    return new TargetLink(in, out, owner, address);
  }

  /** {@return the target's segment, host:port, the agent's first line} Waits for it. */
  public String segmentName() {
    if (segmentName == null) {
      segmentName = reply("its start", remote == null ? REPLY_LIMIT : GREETING_LIMIT);
    }
    return segmentName;
  }

  /**
   * {@return the agent's answer}
   *
   * @throws CommandException if it refuses, has ended or stays silent
   */
  public String ask(Object... words) {
    String _ = segmentName();
    String request = String.join(" ", Arrays.stream(words).map(String::valueOf).toList());
    try {
      requests.write(request + "\n");
      requests.flush();
    } catch (IOException e) {
      throw ended();
    }
    return reply(String.valueOf(words[0]), REPLY_LIMIT);
  }

  public static long[] numbers(String list) {
    return Arrays.stream(list.split(",", -1)).mapToLong(Long::parseLong).toArray();
  }

  static int[] integers(String list) {
    return Arrays.stream(list.split(",", -1)).mapToInt(Integer::parseInt).toArray();
  }

  public static String list(LongStream numbers) {
    return String.join(",", numbers.mapToObj(Long::toString).toList());
  }

  private String reply(String request, Duration limit) {
    String line;
    try {
      line = replies.poll(limit.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CommandException.failed("Interrupted while waiting for the target process");
    }
    if (line == null && remote != null && segmentName == null) {
      throw CommandException.failed(
          remote
              + " says nothing: it serves another initiator, or it is not the port that bench"
              + " --target printed there (a transfer engine has other ports)");
    }
    if (line == null) {
      throw CommandException.failed(
          "The target process did not answer " + request + " in " + limit.toSeconds() + " s");
    }
    if (line.startsWith(MARK + OK)) {
      return line.substring((MARK + OK).length()).strip();
    }
    if (line.startsWith(MARK + ERROR)) {
      throw CommandException.failed(
          "The target process: " + line.substring((MARK + ERROR).length()).strip());
    }
    throw ended();
  }

  private CommandException ended() {
    if (remote == null) {
      return CommandException.failed("The target process has ended; its output says why");
    }
    return CommandException.failed(
        segmentName == null
            ? remote
                + " closed the connection without an answer: it is not the port that bench --target"
                + " printed there (a transfer engine has other ports)"
            : remote + " closed the connection; its own output says why");
  }

  private void read(InputStream in) {
    try (BufferedReader reader =
        new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        if (line.startsWith(MARK)) {
          replies.put(line);
        } else {
          System.err.println(line);
        }
      }
    } catch (IOException e) {
      // The end, like any other.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      boolean noted = replies.offer(END);
      assert noted || !replies.isEmpty();
    }
  }

  @Override
  public void close() {
    try {
      owner.close();
    } catch (Exception e) {
      throw CommandException.failed("The target process did not end: " + e);
    }
  }
}
