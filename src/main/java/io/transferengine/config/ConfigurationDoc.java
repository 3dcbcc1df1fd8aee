// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import io.transferengine.transfer.ChecksumMode;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.TcpIo;
import io.transferengine.transfer.TlsMode;
import io.transferengine.transfer.TlsProvider;
import java.util.ArrayList;
import java.util.List;

/**
 * Renders {@code docs/CONFIGURATION.md} from {@link Options} and {@link RdmaOptions}, so that the
 * page cannot differ from the code.
 */
public final class ConfigurationDoc {
  private static final String INTRODUCTION =
      """
      # Configuration

      <!-- Generated from io.transferengine.config.Options. Do not edit; regenerate with
           REGENERATE -->

      Every option is an environment variable and a method of `EngineConfig`'s builder. The builder
      wins over the environment, which is read once for each engine.

      * An **absent** variable gives the default. An **empty value** counts as absent, except for
        variables that count as soon as they are set.
      * A value that is **malformed, out of range or contradictory** is an error. It names the
        variable, the text found and the expected form. Nothing falls back to a default silently.
        Blanks around a value make it malformed.
      * If the accepted form is "set, with any value", the variable counts even with the value `0`
        or an empty one, as in Mooncake's C++ engine. Unset it to turn the option off.
      * If an option has two names, the old one is read only if the first one is absent.
      * Variables that start with `MC_` mean the same as in Mooncake's C++ engine, unless
        "C++ engine" says otherwise. Those that start with `TE_` are our own.

      **These matter first**; all others have defaults to leave alone until something asks for them:

      1. `TE_LISTEN_ADDRESS`: which network reaches the ports. The default is every interface.
      2. `TE_RPC_PORT` and `TE_DATA_PORT`: fixed ports, where a firewall or a container wants them.
      3. `TE_TLS` with its files, or `TE_TOKEN_FILE`: who may connect. The default is everybody.
      4. `TE_MANAGED_MEMORY_LIMIT_BYTES`: how much the engine may allocate for you.
      5. `MC_TRANSFER_TIMEOUT`: how long a transfer may take that has no deadline of its own.

      With a metadata service `MC_METADATA_SERVER` comes before these, and `TE_ADVERTISED_HOST` where
      peers reach the machine by another name than it has itself.
      """;

  private static final String REGENERATE =
      "mvn test -Dtest=ConfigurationDocTest -Dte.regenerate=true";

  private ConfigurationDoc() {}

  /** {@return the command that regenerates the page} */
  public static String regenerateCommand() {
    return REGENERATE;
  }

  /** {@return the page, the same on every machine} */
  public static String render() {
    StringBuilder page = new StringBuilder(INTRODUCTION.replace("REGENERATE", REGENERATE));
    for (OptionGroup group : OptionGroup.values()) {
      page.append("\n## ").append(group.title()).append("\n\n");
      row(page, "Variable", "Builder method", "Default", "Accepted", "Meaning");
      row(page, "---", "---", "---", "---", "---");
      for (Option<?> option : Options.all()) {
        if (option.group() == group) {
          optionRow(page, option);
        }
      }
    }
    page.append("\n## Checked together\n\n");
    CrossChecks.RULES.forEach(rule -> page.append("* ").append(rule).append('\n'));
    page.append("\n## Known, without effect\n\n");
    page.append(
        "These variables of the C++ engine have no effect here. Setting one gives one WARN that"
            + " names it.\n\n");
    row(page, "Variable", "Why");
    row(page, "---", "---");
    for (InertVariable variable : Options.withoutEffect()) {
      row(page, code(variable.name()), variable.reason());
    }
    return page.toString();
  }

  private static void optionRow(StringBuilder page, Option<?> option) {
    String variable = code(option.environmentName());
    for (String alias : option.aliases()) {
      variable += "<br>old: " + code(alias);
    }
    String meaning = option.description();
    if (!option.differenceFromMooncake().isEmpty()) {
      meaning += " *C++ engine:* " + option.differenceFromMooncake();
    }
    row(
        page,
        variable,
        code(option.builderName() + "(" + type(option.defaultValue()) + ")"),
        defaultOf(option),
        option.acceptedForm(),
        meaning);
  }

  private static String defaultOf(Option<?> option) {
    if (option.isPresenceOnly()) {
      return "unset";
    }
    return option.defaultText().isEmpty() ? "none" : option.defaultText();
  }

  private static String type(Object value) {
    return switch (value) {
      case Integer i -> "int";
      case Long l -> "long";
      case Boolean b -> "boolean";
      case String s -> "String";
      case TcpIo io -> "TcpIo";
      case TlsProvider provider -> "TlsProvider";
      case ChecksumMode mode -> "ChecksumMode";
      case TlsMode mode -> "TlsMode";
      case LocalMode mode -> "LocalMode";
      default -> throw new IllegalStateException("no builder type for " + value.getClass());
    };
  }

  private static String code(String text) {
    return "`" + text + "`";
  }

  private static void row(StringBuilder page, String... cells) {
    List<String> escaped = new ArrayList<>();
    for (String cell : cells) {
      escaped.add(cell.replace("|", "\\|"));
    }
    page.append("| ").append(String.join(" | ", escaped)).append(" |\n");
  }
}
