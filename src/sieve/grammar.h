// The table of commands, tests, tags and extensions. It drives the checking of scripts: a new extension is rows here
// and an evaluator in a run_*.cc.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace pabal::sieve {

// Numbers are part of the format of programs: add at the end, and count kProgramVersion up when one changes.
enum class Op : uint8_t {
  kIf,
  kElsif,
  kElse,
  kRequire,
  kStop,
  kKeep,
  kDiscard,
  kRedirect,
  kFileInto,
  kReject,
  kEreject,
  kSet,
  kSetFlag,
  kAddFlag,
  kRemoveFlag,
  kVacation,
  kNotify,
  kAddHeader,
  kDeleteHeader,
  kInclude,
  kReturn,
  kGlobal,
  kError,
  kForEveryPart,
  kBreak,
  kReplace,
  kEnclose,
  kExtractText,
  // tests
  kAddress,
  kAllOf,
  kAnyOf,
  kEnvelope,
  kExists,
  kFalse,
  kHeader,
  kNot,
  kSize,
  kTrue,
  kBody,
  kString,
  kHasFlag,
  kDate,
  kCurrentDate,
  kEnvironment,
  kIhave,
  kDuplicate,
  kMailboxExists,
  kMetadata,
  kMetadataExists,
  kServerMetadata,
  kServerMetadataExists,
  kMailboxIdExists,
  kSpecialUseExists,
  kSpamTest,
  kVirusTest,
  kValidNotifyMethod,
  kNotifyMethodCapability,
  kValidExtList,
  // A command or test that cannot be run, in a script with "ihave": an error if it is reached (RFC 5463 §4).
  kFailure,
  kQuery,  // of vnd.pabal.query
  kCount_,
};

// Where an argument of a command goes. Two tags of one slot exclude each other.
enum class Slot : uint8_t {
  kMatch,
  kComparator,
  kPart,
  kIndex,
  kLast,
  kMime,
  kAnyChild,
  kMimePart,
  kTransform,
  kZone,
  kLimit,
  kCopy,
  kCreate,
  kFlags,
  kMailboxId,
  kSpecialUse,
  kList,
  kNotify,
  kRet,
  kInterval,
  kSubject,
  kFrom,
  kAddresses,
  kHandle,
  kFcc,
  kImportance,
  kOptions,
  kMessage,
  kCase,
  kFirstCase,
  kQuote,
  kEncodeUrl,
  kLength,
  kUniqueId,
  kLocation,
  kOnce,
  kOptional,
  kName,
  kFirst,
  kHeaders,
  kPercent,
  kKeys,
  kMailbox,
  kReason,
  kMethod,
  kValue,
  kVariable,
  kScript,
  kCapabilities,
  kEntry,
  kDatePart,
  kUses,
  kSource,
  kCount_,
};

// Choices of tags.
enum Match : uint8_t { kIs, kContains, kMatches, kRegex, kCount, kValueOf, kInList };
enum AddressPart : uint8_t { kAll, kLocalPart, kDomain, kUser, kDetail };
enum Transform : uint8_t { kText, kRaw, kContent };
enum MimePart : uint8_t { kType, kSubtype, kContentType, kParam };
enum Zone : uint8_t { kGivenZone, kOriginalZone };
enum Limit : uint8_t { kOver, kUnder };
enum Case : uint8_t { kLower, kUpper };
enum Quote : uint8_t { kWildcard, kRegexQuote };
enum Interval : uint8_t { kDays, kSeconds };
enum Location : uint8_t { kPersonal, kGlobalPlace };

enum class Type : uint8_t { kNone, kNumber, kString, kStrings };

// Groups of tags that commands take together; bits.
using Tags = uint32_t;
inline constexpr Tags kMatchTags = 1 << 0, kPartTags = 1 << 1, kIndexTags = 1 << 2, kMimeTags = 1 << 3,
                      kMimePartTags = 1 << 4, kBodyTags = 1 << 5, kZoneTag = 1 << 6, kOriginalZoneTag = 1 << 7,
                      kSizeTags = 1 << 8, kFlagTags = 1 << 9, kTargetTags = 1 << 10, kCopyTag = 1 << 11,
                      kRedirectTags = 1 << 12, kVacationTags = 1 << 13, kFccTags = 1 << 14, kNotifyTags = 1 << 15,
                      kSetTags = 1 << 16, kLastTag = 1 << 17, kDuplicateTags = 1 << 18, kIncludeTags = 1 << 19,
                      kNameTag = 1 << 20, kReplaceTags = 1 << 21, kEncloseTags = 1 << 22, kExtractTags = 1 << 23,
                      kPercentTag = 1 << 24;

struct TagRow {
  std::string_view name;
  Slot slot;
  uint8_t choice;
  Type type;
  Tags groups;
  std::string_view extension;  // that must be required; "": none beyond the command's
};

struct Positional {
  Slot slot;
  Type type = Type::kNone;
  bool optional = false;  // left out when there are too few arguments
};

enum class Children : uint8_t { kNone, kOne, kList };

struct CommandRow {
  std::string_view name;
  Op op;
  bool test;
  std::string_view extension;  // "a|b": one of them is enough
  Tags tags = 0;
  Positional positional[3] = {};
  Children tests = Children::kNone;
  bool block = false;
};

struct ExtensionRow {
  std::string_view name;
  bool in_ihave = true;  // RFC 5463 §4: not those that change how scripts are read
};

std::span<const CommandRow> command_rows();
std::span<const ExtensionRow> extension_rows();
const CommandRow* find_command(std::string_view name, bool test);
const CommandRow* find_command(Op op);
// A tag that this command takes; null: none of that name.
const TagRow* find_tag(std::string_view name, const CommandRow& command);
const ExtensionRow* find_extension(std::string_view name);

}  // namespace pabal::sieve
