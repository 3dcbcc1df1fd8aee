// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

/** A recording of one kind of the library's events, in this JVM. */
public final class Recorded implements AutoCloseable {
  private final Recording recording = new Recording();
  private final String name;

  /**
   * Begins.
   *
   * @param event without the library's name, such as {@code Fallback}
   */
  public Recorded(String event) {
    name = "io.transferengine." + event;
    recording.enable(name);
    recording.start();
  }

  /** Ends it; {@return its events} */
  public List<RecordedEvent> end(Path folder) throws IOException {
    recording.stop();
    Path file = folder.resolve(name + ".jfr");
    recording.dump(file);
    return RecordingFile.readAllEvents(file).stream()
        .filter(event -> event.getEventType().getName().equals(name))
        .toList();
  }

  @Override
  public void close() {
    recording.close();
  }
}
