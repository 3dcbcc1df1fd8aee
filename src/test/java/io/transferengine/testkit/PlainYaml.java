// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads the YAML that our pages show: maps and lists by indentation, texts on one line, comments.
 * It refuses everything else, and what YAML itself refuses: tabs, a member twice, an indentation
 * that fits nothing. A value is a text, a list or a map.
 */
public final class PlainYaml {
  private static final Pattern MEMBER = Pattern.compile("([\\w./-]+):(?: +(.+))?");

  private record Line(int indent, String text) {}

  private final Object value;

  private PlainYaml(Object value) {
    this.value = value;
  }

  /** Reads a document. */
  public static PlainYaml parse(String text) {
    List<Line> lines = new ArrayList<>();
    for (String line : text.split("\n", -1)) {
      String content = line.replaceFirst("(^|\\s)#.*", "").stripTrailing();
      if (content.contains("\t")) {
        throw new AssertionError("a tab: " + line);
      }
      if (!content.isBlank()) {
        String stripped = content.stripLeading();
        lines.add(new Line(content.length() - stripped.length(), stripped));
      }
    }
    Object value = block(lines);
    if (!lines.isEmpty()) {
      throw new AssertionError("out of place: " + lines.getFirst().text());
    }
    return new PlainYaml(value);
  }

  /** Takes the lines of one list or map, which begins with the first of them. */
  private static Object block(List<Line> lines) {
    int indent = lines.getFirst().indent();
    return lines.getFirst().text().startsWith("- ") ? list(lines, indent) : map(lines, indent);
  }

  private static List<Object> list(List<Line> lines, int indent) {
    List<Object> items = new ArrayList<>();
    while (isAt(lines, indent) && lines.getFirst().text().startsWith("- ")) {
      Line line = lines.removeFirst();
      String text = line.text().substring(2);
      if (MEMBER.matcher(text).matches()) {
        lines.addFirst(new Line(indent + 2, text)); // a map that begins behind the hyphen
        items.add(map(lines, indent + 2));
      } else {
        items.add(scalar(text));
      }
    }
    return items;
  }

  private static Map<String, Object> map(List<Line> lines, int indent) {
    Map<String, Object> members = new LinkedHashMap<>();
    while (isAt(lines, indent)) {
      String text = lines.removeFirst().text();
      Matcher member = MEMBER.matcher(text);
      if (!member.matches()) {
        throw new AssertionError("no member: " + text);
      }
      Object inner;
      if (member.group(2) != null) {
        inner = scalar(member.group(2));
      } else if (!lines.isEmpty() && lines.getFirst().indent() > indent) {
        inner = block(lines);
      } else {
        throw new AssertionError("no value: " + text);
      }
      if (members.put(member.group(1), inner) != null) {
        throw new AssertionError("twice: " + text);
      }
    }
    return members;
  }

  private static boolean isAt(List<Line> lines, int indent) {
    return !lines.isEmpty() && lines.getFirst().indent() == indent;
  }

  private static String scalar(String text) {
    if (text.startsWith("\"") && text.endsWith("\"") && text.length() > 1) {
      return text.substring(1, text.length() - 1);
    }
    if ("[]{}&*!|>'\"%@`".indexOf(text.charAt(0)) >= 0 || text.contains(": ")) {
      throw new AssertionError("not read here: " + text);
    }
    return text;
  }

  /** {@return a member of a map} */
  public PlainYaml get(String member) {
    Object inner = value instanceof Map<?, ?> map ? map.get(member) : null;
    if (inner != null) {
      return new PlainYaml(inner);
    }
    throw new AssertionError("no " + member + " in " + value);
  }

  /** {@return the items of a list} */
  public List<PlainYaml> items() {
    if (value instanceof List<?> list) {
      return list.stream().map(PlainYaml::new).toList();
    }
    throw new AssertionError("no list: " + value);
  }

  /** {@return a text} */
  public String text() {
    if (value instanceof String text) {
      return text;
    }
    throw new AssertionError("no text: " + value);
  }
}
