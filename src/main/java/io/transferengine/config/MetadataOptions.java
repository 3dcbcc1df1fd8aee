// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import static io.transferengine.config.OptionGroup.METADATA;

import java.util.List;

/** The options of metadata services other than their address; part of {@link Options#all()}. */
public final class MetadataOptions {
  /** etcd leases of a second expire after two or more; less is no use. */
  private static final int MIN_TTL_SECONDS = 2;

  /** A day: longer and a crash leaves its record for as good as ever. */
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
              "A part of every key: engines find only those with the same one. With it keys begin"
                  + " with mooncake/ID/.");

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
              "How long our records outlive an engine that dies (etcd, redis, our own HTTP server);"
                  + " they are refreshed three times as often.");

  /** Whether an engine opens while the service is away. */
  public static final Option<Boolean> BACKGROUND_START =
      new Option<>(
              METADATA,
              "TE_METADATA_BACKGROUND_START",
              "metadataBackgroundStart",
              Form.flag(),
              false)
          .means(
              "Opens the engine although the service cannot be reached, and registers when it can"
                  + " be; without it opening fails within 5 s.");

  /** The user of redis. */
  public static final Option<String> REDIS_USERNAME =
      new Option<>(METADATA, "MC_REDIS_USERNAME", "redisUsername", Form.text("a user's name"), "")
          .means("The user of redis; none for the default user.");

  /** The password of redis. */
  public static final Option<String> REDIS_PASSWORD =
      new Option<>(METADATA, "MC_REDIS_PASSWORD", "redisPassword", Form.text("a password"), "")
          .means("The password of redis; without it nobody logs in.");

  /** The database of redis. */
  public static final Option<Integer> REDIS_DB_INDEX =
      new Option<>(METADATA, "MC_REDIS_DB_INDEX", "redisDbIndex", Form.integer(0, 255), 0)
          .means("The number of the redis database.");

  /** The user of etcd. */
  public static final Option<String> ETCD_USERNAME =
      new Option<>(METADATA, "TE_ETCD_USERNAME", "etcdUsername", Form.text("a user's name"), "")
          .means("The user of etcd; without it nobody logs in.")
          .mooncake("Cannot log in.");

  /** The password of etcd. */
  public static final Option<String> ETCD_PASSWORD =
      new Option<>(METADATA, "TE_ETCD_PASSWORD", "etcdPassword", Form.text("a password"), "")
          .means("The password of that user.");

  /** Whether etcd is spoken to over TLS. */
  public static final Option<Boolean> ETCD_TLS =
      new Option<>(METADATA, "TE_ETCD_TLS", "etcdTls", Form.flag(), false)
          .means("Speaks TLS to etcd; redis and HTTP servers say so in their scheme.")
          .mooncake("Cannot speak TLS to etcd.");

  /** Whose certificates are trusted. */
  public static final Option<String> TLS_CA =
      new Option<>(METADATA, "TE_METADATA_TLS_CA", "metadataTlsCa", FILE, "")
          .defaultText("the JDK's trusted certificates")
          .means("The certificates that vouch for metadata services over TLS, of any kind.");

  /** Our certificate. */
  public static final Option<String> TLS_CERTIFICATE =
      new Option<>(METADATA, "TE_METADATA_TLS_CERT", "metadataTlsCert", FILE, "")
          .means("Our certificate, for services that ask for one.");

  /** The key of our certificate. */
  public static final Option<String> TLS_KEY =
      new Option<>(METADATA, "TE_METADATA_TLS_KEY", "metadataTlsKey", FILE, "")
          .means("The private key of that certificate, PKCS #8 without a password.");

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
          TLS_KEY);

  private MetadataOptions() {}
}
