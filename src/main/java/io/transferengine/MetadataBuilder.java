// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.config.MetadataOptions;

/** The options of metadata services in {@link EngineConfig.Builder}. Not thread-safe. */
abstract sealed class MetadataBuilder extends LimitBuilder permits RdmaBuilder {
  MetadataBuilder() {}

  /**
   * A part of every key: engines find only those with the same one. With it keys begin with
   * mooncake/ID/. ({@code MC_METADATA_CLUSTER_ID})
   *
   * @param value a word, with or without a slash at its end
   * @return this builder
   */
  public EngineConfig.Builder metadataClusterId(String value) {
    return set(MetadataOptions.CLUSTER_ID, value);
  }

  /**
   * How long our records outlive an engine that dies (etcd, redis, our own HTTP server); they are
   * refreshed three times as often. ({@code TE_METADATA_TTL_SECONDS})
   *
   * @param value a whole number of seconds, 2 to 86400
   * @return this builder
   */
  public EngineConfig.Builder metadataTtlSeconds(int value) {
    return set(MetadataOptions.TTL, value);
  }

  /**
   * Opens the engine although the service cannot be reached, and registers when it can be; without
   * it opening fails within 5 s. ({@code TE_METADATA_BACKGROUND_START})
   *
   * @param value whether
   * @return this builder
   */
  public EngineConfig.Builder metadataBackgroundStart(boolean value) {
    return set(MetadataOptions.BACKGROUND_START, value);
  }

  /**
   * The user of redis; none for the default user. ({@code MC_REDIS_USERNAME})
   *
   * @param value a user's name
   * @return this builder
   */
  public EngineConfig.Builder redisUsername(String value) {
    return set(MetadataOptions.REDIS_USERNAME, value);
  }

  /**
   * The password of redis; without it nobody logs in. ({@code MC_REDIS_PASSWORD})
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
   * The user of etcd; without it nobody logs in. ({@code TE_ETCD_USERNAME})
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
   * Speaks TLS to etcd; redis and HTTP servers say so in their scheme. ({@code TE_ETCD_TLS})
   *
   * @param value whether
   * @return this builder
   */
  public EngineConfig.Builder etcdTls(boolean value) {
    return set(MetadataOptions.ETCD_TLS, value);
  }

  /**
   * The certificates that vouch for metadata services over TLS, of any kind. ({@code
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
}
