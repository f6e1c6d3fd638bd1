export type {
  AccessAction,
  AccessEntry,
  AccessOptions,
  AccessRule,
  BasicAuthentication,
  ConnectionRate,
  PasswordHash,
  RateLimit,
  ServiceAccessSettings,
  SigningKey,
  UserEntry,
} from "./accessContract.ts";
export { adviseOnConfig } from "./adviseOnConfig.ts";
export { adviseOnTimeouts } from "./adviseOnTimeouts.ts";
export type { AlarmSettings } from "./alarmContract.ts";
export type {
  BandwidthUnit,
  ThrottlingAction,
  ThrottlingBandwidth,
  ThrottlingRule,
  ThrottlingSettings,
  TrafficCapSettings,
} from "./bandwidthContract.ts";
export { checkFiles } from "./checkFiles.ts";
export type { CompressionSettings, ContentCoding } from "./compressionContract.ts";
export { CONDITION_FILE_NAMES } from "./conditions/conditionFiles.ts";
export { type ConditionKind, type ConditionOutcome, parseCondition } from "./conditions/parseCondition.ts";
export { parsePasswordHash } from "./conditions/usersFile.ts";
export * from "./contract.ts";
export { diffConfigs } from "./diffConfigs.ts";
export { type CommandOutcome, isExtraCommand, parseImageCommands } from "./dims/commandSyntax.ts";
export * from "./dimsContract.ts";
export type { DrmAlgorithm, DrmKeyPart, DrmSettings, SecretType } from "./drmContract.ts";
export { editOrigins, type OriginEdit, type OriginEditOutcome } from "./editOrigins.ts";
export type { FileSystemSettings, MountSettings, UnlinkVerb } from "./fileSystemContract.ts";
export type { Http2Settings } from "./http2Contract.ts";
export { checkHttps } from "./https/checkHttps.ts";
export {
  describeHttpsEntry,
  type HttpsOutcome,
  type LoadedHttpsEntry,
  loadHttpsEntry,
} from "./https/loadHttpsEntry.ts";
export { readOcspResponse } from "./https/ocspResponse.ts";
export type { AcmeChallenge, AcmeKeyType, HttpsEntry, HttpsListen, TlsSettings } from "./httpsContract.ts";
export { keepUntilCleared } from "./keepUntilCleared.ts";
export { keepUntilRestart } from "./keepUntilRestart.ts";
export { compilePattern, type LinearPattern, type PatternOutcome } from "./linearPattern/linearPattern.ts";
export { splitColumns } from "./logPattern/columns.ts";
export {
  type ColumnsPattern,
  compileLogPattern,
  type LogColumns,
  type LogPattern,
  type LogPatternOutcome,
} from "./logPattern/logPattern.ts";
export { compileSelector } from "./logPattern/record.ts";
export type {
  DashSettings,
  HlsEncryptionSettings,
  HlsSettings,
  MediaSettings,
  Mp3HlsSettings,
  Mp4HlsSettings,
  TrimmingSettings,
} from "./mediaContract.ts";
export type { AddressShare, DrainingSettings, ForwardedSettings, StickySettings } from "./originChoiceContract.ts";
export { type ConfigContext, parseConfig } from "./parseConfig.ts";
export { type ConfigPlace, hasProfileDefault, type Provenance } from "./provenance.ts";
export { decodeConfigFiles, readConfigSources } from "./readConfigSources.ts";
export { recordsHeads } from "./recordsHeads.ts";
export { renderReference } from "./renderReference.ts";
export { renderServerXsd, renderVhostsXsd } from "./renderXsd.ts";
export { decryptPassword, encryptPassword } from "./secrets/passwords.ts";
export { settleSecrets } from "./secrets/settleSecrets.ts";
export type { OverloadSettings, RequestSelection, SelectedNames } from "./selectionContract.ts";
export { shareUnchanged } from "./shareUnchanged.ts";
export type { SnmpCommunity, SnmpSettings } from "./snmpContract.ts";
export { checkStart, type Surroundings } from "./surroundings/checkStart.ts";
export { readListeningSockets } from "./surroundings/listeningSockets.ts";
export { type AddressExpression, parseAddressExpression } from "./syntax/addressExpression.ts";
export { COUNTRY_CODES, countryOf } from "./syntax/countryCode.ts";
export { type IpNumber, ipv4Number, parseIpAddress } from "./syntax/ipAddress.ts";
export { type IpPattern, matchesIpPattern, parseIpPattern } from "./syntax/ipPattern.ts";
export { type OidRange, parseOidRange } from "./syntax/oidRange.ts";
export { suggest } from "./syntax/suggest.ts";
export { parseTimeExpression } from "./syntax/timeExpression.ts";
export type { TracingRule, TracingSettings } from "./tracingSettings.ts";
export type { TransformLimits, TransformShare } from "./transformContract.ts";
export type { LinkCondition, LinkedAnswer, VhostLink } from "./vhostLinkContract.ts";
