#include "sieve/grammar.h"

#include <algorithm>
#include <array>

namespace pabal::sieve {
namespace {

using enum Type;

constexpr TagRow kTagRows[] = {
    // RFC 5228 §2.7.1, regex (draft-ietf-sieve-regex), RFC 5231, RFC 6134 §2.2
    {"is", Slot::kMatch, kIs, kNone, kMatchTags, ""},
    {"contains", Slot::kMatch, kContains, kNone, kMatchTags, ""},
    {"matches", Slot::kMatch, kMatches, kNone, kMatchTags, ""},
    {"regex", Slot::kMatch, kRegex, kNone, kMatchTags, "regex"},
    {"count", Slot::kMatch, kCount, kString, kMatchTags, "relational"},
    {"value", Slot::kMatch, kValueOf, kString, kMatchTags, "relational"},
    {"list", Slot::kMatch, kInList, kNone, kMatchTags, "extlists"},
    {"comparator", Slot::kComparator, 0, kString, kMatchTags, ""},
    // RFC 5228 §2.7.4, RFC 5233
    {"all", Slot::kPart, kAll, kNone, kPartTags, ""},
    {"localpart", Slot::kPart, kLocalPart, kNone, kPartTags, ""},
    {"domain", Slot::kPart, kDomain, kNone, kPartTags, ""},
    {"user", Slot::kPart, kUser, kNone, kPartTags, "subaddress"},
    {"detail", Slot::kPart, kDetail, kNone, kPartTags, "subaddress"},
    // RFC 5260 §6
    {"index", Slot::kIndex, 0, kNumber, kIndexTags, "index"},
    {"last", Slot::kLast, 0, kNone, kIndexTags, "index"},
    {"last", Slot::kLast, 0, kNone, kLastTag, ""},
    // RFC 5703 §4
    {"mime", Slot::kMime, 0, kNone, kMimeTags, "mime"},
    {"anychild", Slot::kAnyChild, 0, kNone, kMimeTags, "mime"},
    {"type", Slot::kMimePart, kType, kNone, kMimePartTags, "mime"},
    {"subtype", Slot::kMimePart, kSubtype, kNone, kMimePartTags, "mime"},
    {"contenttype", Slot::kMimePart, kContentType, kNone, kMimePartTags, "mime"},
    {"param", Slot::kMimePart, kParam, kStrings, kMimePartTags, "mime"},
    // RFC 5173 §5
    {"raw", Slot::kTransform, kRaw, kNone, kBodyTags, ""},
    {"content", Slot::kTransform, kContent, kStrings, kBodyTags, ""},
    {"text", Slot::kTransform, kText, kNone, kBodyTags, ""},
    // RFC 5260 §4
    {"zone", Slot::kZone, kGivenZone, kString, kZoneTag, ""},
    {"originalzone", Slot::kZone, kOriginalZone, kNone, kOriginalZoneTag, ""},
    // RFC 5228 §5.9
    {"over", Slot::kLimit, kOver, kNumber, kSizeTags, ""},
    {"under", Slot::kLimit, kUnder, kNumber, kSizeTags, ""},
    // RFC 5232 §5, RFC 5490 §3.2, RFC 9042 §3, RFC 8579 §4, RFC 3894
    {"flags", Slot::kFlags, 0, kStrings, kFlagTags, "imap4flags"},
    {"create", Slot::kCreate, 0, kNone, kTargetTags, "mailbox"},
    {"mailboxid", Slot::kMailboxId, 0, kString, kTargetTags, "mailboxid"},
    {"specialuse", Slot::kSpecialUse, 0, kString, kTargetTags, "special-use"},
    {"copy", Slot::kCopy, 0, kNone, kCopyTag, "copy"},
    // RFC 6134 §2.7, RFC 6009 §4
    {"list", Slot::kList, 0, kNone, kRedirectTags, "extlists"},
    {"notify", Slot::kNotify, 0, kString, kRedirectTags, "redirect-dsn"},
    {"ret", Slot::kRet, 0, kString, kRedirectTags, "redirect-dsn"},
    // RFC 5230, RFC 6131
    {"days", Slot::kInterval, kDays, kNumber, kVacationTags, ""},
    {"seconds", Slot::kInterval, kSeconds, kNumber, kVacationTags, "vacation-seconds"},
    {"subject", Slot::kSubject, 0, kString, kVacationTags | kReplaceTags | kEncloseTags, ""},
    {"from", Slot::kFrom, 0, kString, kVacationTags | kNotifyTags | kReplaceTags, ""},
    {"addresses", Slot::kAddresses, 0, kStrings, kVacationTags, ""},
    {"mime", Slot::kMime, 0, kNone, kVacationTags | kReplaceTags, ""},
    {"handle", Slot::kHandle, 0, kString, kVacationTags | kDuplicateTags, ""},
    // RFC 8580
    {"fcc", Slot::kFcc, 0, kString, kFccTags, "fcc"},
    // RFC 5435 §3
    {"importance", Slot::kImportance, 0, kString, kNotifyTags, ""},
    {"options", Slot::kOptions, 0, kStrings, kNotifyTags, ""},
    {"message", Slot::kMessage, 0, kString, kNotifyTags, ""},
    // RFC 5229 §4.1, RFC 5435 §7, and the one of regex
    {"lower", Slot::kCase, kLower, kNone, kSetTags, ""},
    {"upper", Slot::kCase, kUpper, kNone, kSetTags, ""},
    {"lowerfirst", Slot::kFirstCase, kLower, kNone, kSetTags, ""},
    {"upperfirst", Slot::kFirstCase, kUpper, kNone, kSetTags, ""},
    {"quotewildcard", Slot::kQuote, kWildcard, kNone, kSetTags, ""},
    {"quoteregex", Slot::kQuote, kRegexQuote, kNone, kSetTags, "regex"},
    {"encodeurl", Slot::kEncodeUrl, 0, kNone, kSetTags, "enotify"},
    {"length", Slot::kLength, 0, kNone, kSetTags, ""},
    // RFC 7352 §3
    {"header", Slot::kUniqueId, 0, kString, kDuplicateTags, ""},
    {"uniqueid", Slot::kUniqueId, 1, kString, kDuplicateTags, ""},
    {"seconds", Slot::kInterval, kSeconds, kNumber, kDuplicateTags, ""},
    {"last", Slot::kLast, 0, kNone, kDuplicateTags, ""},
    // RFC 6609 §3.2
    {"personal", Slot::kLocation, kPersonal, kNone, kIncludeTags, ""},
    {"global", Slot::kLocation, kGlobalPlace, kNone, kIncludeTags, ""},
    {"once", Slot::kOnce, 0, kNone, kIncludeTags, ""},
    {"optional", Slot::kOptional, 0, kNone, kIncludeTags, ""},
    // RFC 5703 §3, §6, §7
    {"name", Slot::kName, 0, kString, kNameTag, ""},
    {"headers", Slot::kHeaders, 0, kStrings, kEncloseTags, ""},
    {"first", Slot::kFirst, 0, kNumber, kExtractTags, ""},
    // RFC 5235 §3.2
    {"percent", Slot::kPercent, 0, kNone, kPercentTag, "spamtestplus"},
};

constexpr Tags kHeaderTags = kMatchTags | kIndexTags | kMimeTags;
constexpr Tags kFiling = kTargetTags | kFlagTags;

constexpr CommandRow kCommandRows[] = {
    // RFC 5228 §3, §4
    {"if", Op::kIf, false, "", 0, {}, Children::kOne, true},
    {"elsif", Op::kElsif, false, "", 0, {}, Children::kOne, true},
    {"else", Op::kElse, false, "", 0, {}, Children::kNone, true},
    {"require", Op::kRequire, false, "", 0, {{Slot::kCapabilities, kStrings}}},
    {"stop", Op::kStop, false, ""},
    {"keep", Op::kKeep, false, "", kFlagTags},
    {"discard", Op::kDiscard, false, ""},
    {"redirect", Op::kRedirect, false, "", kCopyTag | kRedirectTags, {{Slot::kAddresses, kString}}},
    {"fileinto", Op::kFileInto, false, "fileinto", kCopyTag | kFiling, {{Slot::kMailbox, kString}}},
    {"reject", Op::kReject, false, "reject", 0, {{Slot::kReason, kString}}},
    {"ereject", Op::kEreject, false, "ereject", 0, {{Slot::kReason, kString}}},
    {"set", Op::kSet, false, "variables", kSetTags, {{Slot::kVariable, kString}, {Slot::kValue, kString}}},
    {"setflag", Op::kSetFlag, false, "imap4flags", 0, {{Slot::kVariable, kString, true}, {Slot::kFlags, kStrings}}},
    {"addflag", Op::kAddFlag, false, "imap4flags", 0, {{Slot::kVariable, kString, true}, {Slot::kFlags, kStrings}}},
    {"removeflag",
     Op::kRemoveFlag,
     false,
     "imap4flags",
     0,
     {{Slot::kVariable, kString, true}, {Slot::kFlags, kStrings}}},
    {"vacation",
     Op::kVacation,
     false,
     "vacation|vacation-seconds",
     kVacationTags | kFccTags | kFiling,
     {{Slot::kReason, kString}}},
    {"notify", Op::kNotify, false, "enotify", kNotifyTags | kFccTags | kFiling, {{Slot::kMethod, kString}}},
    {"addheader", Op::kAddHeader, false, "editheader", kLastTag, {{Slot::kName, kString}, {Slot::kValue, kString}}},
    // Its :index and :last are its own (RFC 5293 §5): they need no "index".
    {"deleteheader",
     Op::kDeleteHeader,
     false,
     "editheader",
     kMatchTags | kIndexTags,
     {{Slot::kName, kString}, {Slot::kKeys, kStrings, true}}},
    {"include", Op::kInclude, false, "include", kIncludeTags, {{Slot::kScript, kString}}},
    {"return", Op::kReturn, false, "include"},
    {"global", Op::kGlobal, false, "include", 0, {{Slot::kVariable, kStrings}}},
    {"error", Op::kError, false, "ihave", 0, {{Slot::kMessage, kString}}},
    {"foreverypart", Op::kForEveryPart, false, "foreverypart", kNameTag, {}, Children::kNone, true},
    {"break", Op::kBreak, false, "foreverypart", kNameTag},
    {"replace", Op::kReplace, false, "replace", kReplaceTags, {{Slot::kReason, kString}}},
    {"enclose", Op::kEnclose, false, "enclose", kEncloseTags, {{Slot::kReason, kString}}},
    {"extracttext", Op::kExtractText, false, "extracttext", kSetTags | kExtractTags, {{Slot::kVariable, kString}}},
    // RFC 5228 §5
    {"address", Op::kAddress, true, "", kHeaderTags | kPartTags, {{Slot::kHeaders, kStrings}, {Slot::kKeys, kStrings}}},
    {"allof", Op::kAllOf, true, "", 0, {}, Children::kList},
    {"anyof", Op::kAnyOf, true, "", 0, {}, Children::kList},
    {"envelope",
     Op::kEnvelope,
     true,
     "envelope|envelope-dsn",
     kMatchTags | kPartTags,
     {{Slot::kHeaders, kStrings}, {Slot::kKeys, kStrings}}},
    {"exists", Op::kExists, true, "", kMimeTags, {{Slot::kHeaders, kStrings}}},
    {"false", Op::kFalse, true, ""},
    {"header",
     Op::kHeader,
     true,
     "",
     kHeaderTags | kMimePartTags,
     {{Slot::kHeaders, kStrings}, {Slot::kKeys, kStrings}}},
    {"not", Op::kNot, true, "", 0, {}, Children::kOne},
    {"size", Op::kSize, true, "", kSizeTags},
    {"true", Op::kTrue, true, ""},
    {"body", Op::kBody, true, "body", kMatchTags | kBodyTags, {{Slot::kKeys, kStrings}}},
    {"string", Op::kString, true, "variables", kMatchTags, {{Slot::kSource, kStrings}, {Slot::kKeys, kStrings}}},
    {"hasflag",
     Op::kHasFlag,
     true,
     "imap4flags",
     kMatchTags,
     {{Slot::kVariable, kStrings, true}, {Slot::kKeys, kStrings}}},
    {"date",
     Op::kDate,
     true,
     "date",
     kMatchTags | kIndexTags | kZoneTag | kOriginalZoneTag,
     {{Slot::kHeaders, kString}, {Slot::kDatePart, kString}, {Slot::kKeys, kStrings}}},
    {"currentdate",
     Op::kCurrentDate,
     true,
     "date",
     kMatchTags | kZoneTag,
     {{Slot::kDatePart, kString}, {Slot::kKeys, kStrings}}},
    {"environment",
     Op::kEnvironment,
     true,
     "environment",
     kMatchTags,
     {{Slot::kEntry, kString}, {Slot::kKeys, kStrings}}},
    {"ihave", Op::kIhave, true, "ihave", 0, {{Slot::kCapabilities, kStrings}}},
    {"duplicate", Op::kDuplicate, true, "duplicate", kDuplicateTags},
    {"mailboxexists", Op::kMailboxExists, true, "mailbox", 0, {{Slot::kMailbox, kStrings}}},
    {"metadata",
     Op::kMetadata,
     true,
     "mboxmetadata",
     kMatchTags,
     {{Slot::kMailbox, kString}, {Slot::kEntry, kString}, {Slot::kKeys, kStrings}}},
    {"metadataexists",
     Op::kMetadataExists,
     true,
     "mboxmetadata",
     0,
     {{Slot::kMailbox, kString}, {Slot::kEntry, kStrings}}},
    {"servermetadata",
     Op::kServerMetadata,
     true,
     "servermetadata",
     kMatchTags,
     {{Slot::kEntry, kString}, {Slot::kKeys, kStrings}}},
    {"servermetadataexists", Op::kServerMetadataExists, true, "servermetadata", 0, {{Slot::kEntry, kStrings}}},
    {"mailboxidexists", Op::kMailboxIdExists, true, "mailboxid", 0, {{Slot::kMailboxId, kStrings}}},
    {"specialuse_exists",
     Op::kSpecialUseExists,
     true,
     "special-use",
     0,
     {{Slot::kMailbox, kString, true}, {Slot::kUses, kStrings}}},
    {"spamtest", Op::kSpamTest, true, "spamtest|spamtestplus", kMatchTags | kPercentTag, {{Slot::kKeys, kString}}},
    {"virustest", Op::kVirusTest, true, "virustest", kMatchTags, {{Slot::kKeys, kString}}},
    {"valid_notify_method", Op::kValidNotifyMethod, true, "enotify", 0, {{Slot::kMethod, kStrings}}},
    {"notify_method_capability",
     Op::kNotifyMethodCapability,
     true,
     "enotify",
     kMatchTags,
     {{Slot::kMethod, kString}, {Slot::kEntry, kString}, {Slot::kKeys, kStrings}}},
    {"valid_ext_list", Op::kValidExtList, true, "extlists", 0, {{Slot::kList, kStrings}}},
    // Our own: query "from:amy has:attachment", in the language of the search box (mailbox/query.h).
    {"query", Op::kQuery, true, "vnd.pabal.query", 0, {{Slot::kValue, kString}}},
};

// In the order of the alphabet.
constexpr ExtensionRow kExtensionRows[] = {
    {"body"},
    {"comparator-i;ascii-casemap"},
    {"comparator-i;ascii-numeric"},
    {"comparator-i;octet"},
    {"comparator-i;unicode-casemap"},
    {"copy"},
    {"date"},
    {"duplicate"},
    {"editheader"},
    {"enclose"},
    {"encoded-character", false},
    {"enotify"},
    {"envelope"},
    {"envelope-dsn"},
    {"environment"},
    {"ereject"},
    {"extlists"},
    {"extracttext"},
    {"fcc"},
    {"fileinto"},
    {"foreverypart"},
    {"ihave"},
    {"imap4flags"},
    {"imapsieve"},
    {"include"},
    {"index"},
    {"mailbox"},
    {"mailboxid"},
    {"mboxmetadata"},
    {"mime"},
    {"redirect-dsn"},
    {"regex"},
    {"reject"},
    {"relational"},
    {"replace"},
    {"servermetadata"},
    {"spamtest"},
    {"spamtestplus"},
    {"special-use"},
    {"subaddress"},
    {"vacation"},
    {"vacation-seconds"},
    {"variables", false},
    {"virustest"},
    {"vnd.pabal.query"},
};

}  // namespace

std::span<const CommandRow> command_rows() { return kCommandRows; }
std::span<const ExtensionRow> extension_rows() { return kExtensionRows; }

const CommandRow* find_command(std::string_view name, bool test) {
  for (const CommandRow& row : kCommandRows)
    if (row.test == test && row.name == name) return &row;
  return nullptr;
}

const CommandRow* find_command(Op op) {
  for (const CommandRow& row : kCommandRows)
    if (row.op == op) return &row;
  return nullptr;
}

const TagRow* find_tag(std::string_view name, const CommandRow& command) {
  for (const TagRow& row : kTagRows)
    if ((row.groups & command.tags) && row.name == name) return &row;
  return nullptr;
}

const ExtensionRow* find_extension(std::string_view name) {
  for (const ExtensionRow& row : kExtensionRows)
    if (row.name == name) return &row;
  return nullptr;
}

}  // namespace pabal::sieve
