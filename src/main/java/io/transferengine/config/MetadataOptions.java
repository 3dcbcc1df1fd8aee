// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import static io.transferengine.config.OptionGroup.METADATA;

import java.util.List;

/** The options of metadata services other than their address; part of {@link Options#all()}. */
public final class MetadataOptions {
  /** An etcd lease of one second expires after two or more, so less is no use. */
  private static final int MIN_TTL_SECONDS = 2;

  /** A day: with more, a crash leaves its record almost forever. */
  private static final int MAX_TTL_SECONDS = 86_400;

  private static final Form<String> FILE = Form.text("the path of a PEM file");

  /** A part of every key, by which clusters share a service. */
  public static final Option<String> CLUSTER_ID =
      new Option<>(
              METADATA,
              "MC_METADATA_CLUSTER_ID",
              "metadataClusterId",
              Form.text("a word, with or without a slash at its end"),
              "")
          .means(
              "Engines find only engines with the same cluster ID. Keys then begin with"
                  + " mooncake/ID/.");

  /** How long a record outlives its engine. */
  public static final Option<Integer> TTL =
      new Option<>(
              METADATA,
              "TE_METADATA_TTL_SECONDS",
              "metadataTtlSeconds",
              Form.integer(MIN_TTL_SECONDS, MAX_TTL_SECONDS),
              10)
          .unit("seconds")
          .means(
              "How long the records of an engine that dies remain (etcd, redis, our own HTTP"
                  + " server). They are renewed three times in that time.");

  /** Whether an engine opens while the service is away. */
  public static final Option<Boolean> BACKGROUND_START =
      new Option<>(
              METADATA,
              "TE_METADATA_BACKGROUND_START",
              "metadataBackgroundStart",
              Form.flag(),
              false)
          .means(
              "Opens the engine even if the service cannot be reached, and registers later. Without"
                  + " it opening fails within 5 s.");

  /** The user of redis. */
  public static final Option<String> REDIS_USERNAME =
      new Option<>(METADATA, "MC_REDIS_USERNAME", "redisUsername", Form.text("a user's name"), "")
          .means("The redis user; none for the default user.");

  /** The password of redis. */
  public static final Option<String> REDIS_PASSWORD =
      new Option<>(METADATA, "MC_REDIS_PASSWORD", "redisPassword", Form.text("a password"), "")
          .means("The redis password; without it the engine does not log in.");

  /** The database of redis. */
  public static final Option<Integer> REDIS_DB_INDEX =
      new Option<>(METADATA, "MC_REDIS_DB_INDEX", "redisDbIndex", Form.integer(0, 255), 0)
          .means("The number of the redis database.");

  /** The user of etcd. */
  public static final Option<String> ETCD_USERNAME =
      new Option<>(METADATA, "TE_ETCD_USERNAME", "etcdUsername", Form.text("a user's name"), "")
          .means("The etcd user; without it the engine does not log in.")
          .mooncake("Cannot log in.");

  /** The password of etcd. */
  public static final Option<String> ETCD_PASSWORD =
      new Option<>(METADATA, "TE_ETCD_PASSWORD", "etcdPassword", Form.text("a password"), "")
          .means("The password of that user.");

  /** Whether etcd is spoken to over TLS. */
  public static final Option<Boolean> ETCD_TLS =
      new Option<>(METADATA, "TE_ETCD_TLS", "etcdTls", Form.flag(), false)
          .means("Uses TLS to etcd. For redis and HTTP servers the scheme of the address says it.")
          .mooncake("Cannot use TLS to etcd.");

  /** Whose certificates are trusted. */
  public static final Option<String> TLS_CA =
      new Option<>(METADATA, "TE_METADATA_TLS_CA", "metadataTlsCa", FILE, "")
          .defaultText("the JDK's trusted certificates")
          .means(
              "The certificates that metadata services of any kind are checked against over TLS.");

  /** Our certificate. */
  public static final Option<String> TLS_CERTIFICATE =
      new Option<>(METADATA, "TE_METADATA_TLS_CERT", "metadataTlsCert", FILE, "")
          .means("Our certificate, for services that ask for one.");

  /** The key of our certificate. */
  public static final Option<String> TLS_KEY =
      new Option<>(METADATA, "TE_METADATA_TLS_KEY", "metadataTlsKey", FILE, "")
          .means("The private key of that certificate, PKCS #8 without a password.");

  /** What we show to our own HTTP server. */
  public static final Option<String> TOKEN_FILE =
      new Option<>(
              METADATA,
              "TE_METADATA_TOKEN_FILE",
              "metadataTokenFile",
              Form.text("the path of a file"),
              "")
          .means(
              "A bearer token for an HTTP metadata server that wants one: a line \"NAME SECRET\","
                  + " of which the secret, at least 32 characters, is sent with each request. Use"
                  + " https, and no secret of TE_TOKEN_FILE. The file is read again when the server"
                  + " refuses the token, and readable by nobody but its owner and group.")
          .mooncake("Sends none.");

  static final List<Option<?>> ALL =
      List.of(
          CLUSTER_ID,
          TTL,
          BACKGROUND_START,
          REDIS_USERNAME,
          REDIS_PASSWORD,
          REDIS_DB_INDEX,
          ETCD_USERNAME,
          ETCD_PASSWORD,
          ETCD_TLS,
          TLS_CA,
          TLS_CERTIFICATE,
          TLS_KEY,
          TOKEN_FILE);

  private MetadataOptions() {}
}
