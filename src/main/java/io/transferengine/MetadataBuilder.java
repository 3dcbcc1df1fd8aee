// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.config.MetadataOptions;

/** The options of metadata services in {@link EngineConfig.Builder}. Not thread-safe. */
abstract sealed class MetadataBuilder extends LimitBuilder permits RdmaBuilder {
  MetadataBuilder() {}

  /**
   * Engines find only engines with the same cluster ID. Keys then begin with mooncake/ID/. ({@code
   * MC_METADATA_CLUSTER_ID})
   *
   * @param value a word, with or without a slash at its end
   * @return this builder
   */
  public EngineConfig.Builder metadataClusterId(String value) {
    return set(MetadataOptions.CLUSTER_ID, value);
  }

  /**
   * How long the records of an engine that dies remain (etcd, redis, our own HTTP server). They are
   * renewed three times in that time. ({@code TE_METADATA_TTL_SECONDS})
   *
   * @param value a whole number of seconds, 2 to 86400
   * @return this builder
   */
  public EngineConfig.Builder metadataTtlSeconds(int value) {
    return set(MetadataOptions.TTL, value);
  }

  /**
   * Opens the engine even if the service cannot be reached, and registers later. Without it opening
   * fails within 5 s. ({@code TE_METADATA_BACKGROUND_START})
   *
   * @param value whether
   * @return this builder
   */
  public EngineConfig.Builder metadataBackgroundStart(boolean value) {
    return set(MetadataOptions.BACKGROUND_START, value);
  }

  /**
   * The redis user; none for the default user. ({@code MC_REDIS_USERNAME})
   *
   * @param value a user's name
   * @return this builder
   */
  public EngineConfig.Builder redisUsername(String value) {
    return set(MetadataOptions.REDIS_USERNAME, value);
  }

  /**
   * The redis password; without it the engine does not log in. ({@code MC_REDIS_PASSWORD})
   *
   * @param value a password
   * @return this builder
   */
  public EngineConfig.Builder redisPassword(String value) {
    return set(MetadataOptions.REDIS_PASSWORD, value);
  }

  /**
   * The number of the redis database. ({@code MC_REDIS_DB_INDEX})
   *
   * @param value a whole number, 0 to 255
   * @return this builder
   */
  public EngineConfig.Builder redisDbIndex(int value) {
    return set(MetadataOptions.REDIS_DB_INDEX, value);
  }

  /**
   * The etcd user; without it the engine does not log in. ({@code TE_ETCD_USERNAME})
   *
   * @param value a user's name
   * @return this builder
   */
  public EngineConfig.Builder etcdUsername(String value) {
    return set(MetadataOptions.ETCD_USERNAME, value);
  }

  /**
   * The password of that user. ({@code TE_ETCD_PASSWORD})
   *
   * @param value a password
   * @return this builder
   */
  public EngineConfig.Builder etcdPassword(String value) {
    return set(MetadataOptions.ETCD_PASSWORD, value);
  }

  /**
   * Uses TLS to etcd. For redis and HTTP servers the scheme of the address says it. ({@code
   * TE_ETCD_TLS})
   *
   * @param value whether
   * @return this builder
   */
  public EngineConfig.Builder etcdTls(boolean value) {
    return set(MetadataOptions.ETCD_TLS, value);
  }

  /**
   * The certificates that metadata services of any kind are checked against over TLS. ({@code
   * TE_METADATA_TLS_CA})
   *
   * @param value the path of a PEM file
   * @return this builder
   */
  public EngineConfig.Builder metadataTlsCa(String value) {
    return set(MetadataOptions.TLS_CA, value);
  }

  /**
   * Our certificate, for services that ask for one. ({@code TE_METADATA_TLS_CERT})
   *
   * @param value the path of a PEM file
   * @return this builder
   */
  public EngineConfig.Builder metadataTlsCert(String value) {
    return set(MetadataOptions.TLS_CERTIFICATE, value);
  }

  /**
   * The private key of that certificate, PKCS #8 without a password. ({@code TE_METADATA_TLS_KEY})
   *
   * @param value the path of a PEM file
   * @return this builder
   */
  public EngineConfig.Builder metadataTlsKey(String value) {
    return set(MetadataOptions.TLS_KEY, value);
  }

  /**
   * A bearer token for an HTTP metadata server that wants one: a line "NAME SECRET", of which the
   * secret, at least 32 characters, is sent with each request. Use https, and no secret of
   * TE_TOKEN_FILE. The file is read again when the server refuses the token, and readable by nobody
   * but its owner and group. ({@code TE_METADATA_TOKEN_FILE})
   *
   * @param value the path of a file
   * @return this builder
   */
  public EngineConfig.Builder metadataTokenFile(String value) {
    return set(MetadataOptions.TOKEN_FILE, value);
  }
}
