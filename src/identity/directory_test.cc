#include "identity/directory.h"

#include <gmock/gmock.h>

#include "identity/keys.h"
#include "identity/test_directory.h"
#include "identity/unicode.h"

namespace pabal::identity {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Kind = Resolution::Kind;

struct DirectoryTest : testing::Test, TestDirectory {
  Resolution resolve(const std::string& address) {
    auto found = directory->resolve(*store, address);
    EXPECT_TRUE(found) << address << ": " << found.error().message;
    return found ? *found : Resolution{};
  }
  std::vector<std::string> leads_to(const std::string& address) {
    std::vector<std::string> out;
    const Resolution found = resolve(address);
    for (const auto& target : found.accounts) out.push_back(target.address);
    for (const auto& target : found.outside) out.push_back(target);
    return out;
  }
  bool may_send(AccountId id, const std::string& address) {
    const auto may = directory->may_send_as(*store, id, address);
    EXPECT_TRUE(may);
    return may && *may;
  }
};

// --- domains --------------------------------------------------------------------------------------------------------

TEST_F(DirectoryTest, ADomainIsFoundByUAndALabelsInAnyCase) {
  ASSERT_TRUE(domain("Bücher.Example"));
  for (const char* name : {"bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "XN--BCHER-KVA.EXAMPLE.",
                           "bu\u0308cher.example"}) {
    const auto found = directory->domain(*store, name);
    ASSERT_TRUE(found && *found) << name;
    EXPECT_EQ((*found)->name, "xn--bcher-kva.example");
  }
  EXPECT_EQ(domain("xn--bcher-kva.example").code(), Code::kExists);
}

TEST_F(DirectoryTest, RefusesWhatIsNoMailDomain) {
  for (const char* name :
       {"", "localhost", ".", "a..b", "-a.com", "a b.com", "[192.0.2.1]", "a@b.com", "exa\nmple.com"})
    EXPECT_EQ(domain(name).code(), Code::kInvalid) << name;
  EXPECT_EQ(domain("example.com", "not an address").code(), Code::kInvalid);
}

TEST_F(DirectoryTest, ADomainIsRemovedOnlyWhenNothingIsLeftInIt) {
  ASSERT_TRUE(domain("example.com"));
  ASSERT_TRUE(domain("example.com.au"));  // shares its beginning
  ASSERT_TRUE(account("a@example.com.au"));
  const auto alice = account("alice@example.com");
  ASSERT_TRUE(alias("info@example.com", {"alice@example.com"}));
  const auto remove = [&] {
    return commit([&](store::Transaction& t) { return directory->remove_domain(t, "EXAMPLE.com"); });
  };
  EXPECT_EQ(remove().code(), Code::kDenied);
  ASSERT_TRUE(commit([&](store::Transaction& t) { return directory->remove_account(t, alice->id); }));
  EXPECT_THAT(remove().error().message, HasSubstr("aliases"));
  ASSERT_TRUE(commit([&](store::Transaction& t) { return directory->remove_alias(t, "INFO@example.com"); }));
  EXPECT_TRUE(remove());
  EXPECT_EQ(remove().code(), Code::kNotFound);
  EXPECT_EQ(resolve("alice@example.com").kind, Kind::kNotLocal);
  EXPECT_EQ(directory->domains(*store)->size(), 1u);
}

TEST_F(DirectoryTest, KeepsTheKeysOfADomainWithTheirLives) {
  using State = DkimKey::State;
  Domain given;
  given.name = "example.com";
  given.dkim_keys = {{"s1", "PEM 1", State::kRetired, clock.now() - days(3), {}},
                     {"s2", "PEM 2", State::kActive, clock.now(), {}},
                     {"s3", "PEM 3", State::kPublished, clock.now() - days(1), clock.now()}};
  ASSERT_TRUE(commit([&](store::Transaction& t) { return directory->add_domain(t, given); }));
  const auto found = directory->domain(*store, "example.com");
  ASSERT_TRUE(found && *found);
  ASSERT_EQ((*found)->dkim_keys.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    const DkimKey& key = (*found)->dkim_keys[i];
    EXPECT_EQ(key.selector, given.dkim_keys[i].selector);
    EXPECT_EQ(key.private_pem, given.dkim_keys[i].private_pem);
    EXPECT_EQ(key.state, given.dkim_keys[i].state);
    EXPECT_EQ(key.since, given.dkim_keys[i].since);
    EXPECT_EQ(key.shown, given.dkim_keys[i].shown);
  }
}

TEST_F(DirectoryTest, KeysKeptBeforeTheyHadStatesGoOnSigning) {
  ASSERT_TRUE(domain("example.com"));
  const std::string before =
      Encoder().u8(1).string("example.com").string("").boolean(true).varint(1).string("s1").string("PEM 1").take();
  const auto put = [&](const std::string& record) {
    return commit([&](store::Transaction& t) -> Result<void> {
      t.put(keys::domain("example.com"), record);
      return {};
    });
  };
  ASSERT_TRUE(put(before));
  const auto found = directory->domain(*store, "example.com");
  ASSERT_TRUE(found && *found);
  ASSERT_EQ((*found)->dkim_keys.size(), 1u);
  EXPECT_EQ((*found)->dkim_keys[0].state, DkimKey::State::kActive);
  std::string newer = before;
  newer[0] = 3;
  ASSERT_TRUE(put(newer));
  EXPECT_EQ(directory->domain(*store, "example.com").code(), Code::kCorrupt);
}

TEST_F(DirectoryTest, UpdatesADomainButNotIntoNonsense) {
  ASSERT_TRUE(domain("example.com"));
  const auto update = [&](const std::string& name, const std::string& catch_all) {
    return commit([&](store::Transaction& t) {
      Domain changed;
      changed.name = name;
      changed.catch_all = catch_all;
      return directory->update_domain(t, changed);
    });
  };
  EXPECT_TRUE(update("example.com", "all@example.com"));
  EXPECT_EQ((*directory->domain(*store, "example.com"))->catch_all, "all@example.com");
  EXPECT_EQ(update("example.com", "nobody").code(), Code::kInvalid);
  EXPECT_EQ(update("other.com", "").code(), Code::kNotFound);
}

// --- accounts -------------------------------------------------------------------------------------------------------

TEST_F(DirectoryTest, AnAccountIsFoundByEverySpellingOfItsName) {
  ASSERT_TRUE(domain("xn--bcher-kva.example"));
  const auto added = account("Alice.B@Bücher.example");
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(added->name, "alice.b@xn--bcher-kva.example");
  for (const char* name : {"alice.b@bücher.example", "ALICE.B@XN--BCHER-KVA.EXAMPLE", "\"alice.b\"@bücher.example"}) {
    const auto found = directory->account(*store, name);
    ASSERT_TRUE(found && *found) << name;
    EXPECT_EQ((*found)->id, added->id);
  }
  EXPECT_EQ((*directory->account(*store, added->id))->name, added->name);
  EXPECT_FALSE(*directory->account(*store, "aliceb@bücher.example"));
  EXPECT_EQ(account("ALICE.B@bücher.example").code(), Code::kExists);
}

TEST_F(DirectoryTest, LocalPartsOfOtherScriptsAreComparedInOneForm) {
  ASSERT_TRUE(domain("example.com"));
  ASSERT_TRUE(account("Jürgen@example.com"));
  ASSERT_TRUE(account("관리자@example.com"));
  EXPECT_THAT(leads_to("JU\u0308RGEN@example.com"), ElementsAre("jürgen@example.com"));  // upper case, decomposed
  EXPECT_THAT(leads_to("관리자@example.com"), ElementsAre("관리자@example.com"));
  EXPECT_EQ(fold_local("ÀÉÎ"), "àéî");
  EXPECT_EQ(fold_local("A\xFF"), "a\xFF");
}

TEST_F(DirectoryTest, RefusesNamesThatCannotBeAccounts) {
  ASSERT_TRUE(domain("example.com"));
  for (const char* name : {"", "alice", "@example.com", "alice@", "a b@example.com", "a+b@example.com",
                           "alice@example.com\n", "alice@example.com@example.com"})
    EXPECT_EQ(account(name).code(), Code::kInvalid) << name;
  for (const char* name : {"alice@example.org", "alice@[192.0.2.1]"})
    EXPECT_EQ(account(name).code(), Code::kNotFound) << name;
  ASSERT_TRUE(alias("info@example.com", {"x@example.org"}));
  EXPECT_EQ(account("info@example.com").code(), Code::kExists);
  Account odd;
  odd.name = "odd@example.com";
  odd.display_name = "Odd\r\nBcc: all";
  EXPECT_EQ(commit([&](store::Transaction& t) {
              const auto added = directory->add_account(t, odd, {});
              return added ? Result<void>() : added.error();
            }).code(),
            Code::kInvalid);
}

TEST_F(DirectoryTest, IdsAreNeverUsedAgain) {
  ASSERT_TRUE(domain("example.com"));
  const auto first = account("a@example.com");
  ASSERT_TRUE(commit([&](store::Transaction& t) { return directory->remove_account(t, first->id); }));
  const auto second = account("a@example.com");
  EXPECT_GT(second->id, first->id);
  EXPECT_FALSE(*directory->account(*store, first->id));
  EXPECT_EQ(commit([&](store::Transaction& t) { return directory->remove_account(t, first->id); }).code(),
            Code::kNotFound);
  EXPECT_EQ(commit([&](store::Transaction& t) { return directory->set_secrets(t, first->id, {}); }).code(),
            Code::kNotFound);
}

TEST_F(DirectoryTest, ListsTheAccountsOfOneDomain) {
  ASSERT_TRUE(domain("example.com"));
  ASSERT_TRUE(domain("sub.example.com"));
  ASSERT_TRUE(account("a@example.com"));
  ASSERT_TRUE(account("b@sub.example.com"));
  EXPECT_EQ(directory->accounts(*store, "")->size(), 2u);
  EXPECT_EQ(directory->accounts(*store, "Example.COM")->size(), 1u);
  EXPECT_EQ(directory->accounts(*store, "nonsense")->size(), 0u);
}

// --- where an address leads -----------------------------------------------------------------------------------------

TEST_F(DirectoryTest, TellsForeignFromUnknownFromKnown) {
  ASSERT_TRUE(domain("example.com"));
  ASSERT_TRUE(account("alice@example.com"));
  EXPECT_EQ(resolve("alice@example.com").kind, Kind::kKnown);
  EXPECT_EQ(resolve("bob@example.com").kind, Kind::kUnknown);
  for (const char* foreign :
       {"alice@example.org", "alice@[127.0.0.1]", "alice", "", "alice@sub.example.com", "@example.com"})
    EXPECT_EQ(resolve(foreign).kind, Kind::kNotLocal) << foreign;
}

TEST_F(DirectoryTest, FollowsAliasesGroupsAndForwardsAndJoinsDuplicates) {
  ASSERT_TRUE(domain("example.com"));
  ASSERT_TRUE(account("alice@example.com"));
  ASSERT_TRUE(account("bob@example.com"));
  ASSERT_TRUE(alias("Team@example.com", {"Alice@Example.com", "dev@example.com", "boss@elsewhere.net"}));
  ASSERT_TRUE(alias("dev@example.com", {"bob@example.com", "alice@example.com", "boss@elsewhere.net"}));
  EXPECT_THAT(leads_to("TEAM@example.com"),
              UnorderedElementsAre("alice@example.com", "bob@example.com", "boss@elsewhere.net"));
  EXPECT_EQ(resolve("TEAM@example.com").address, "team@example.com");
}

TEST_F(DirectoryTest, LeavesForeignLocalPartsAsTheyAreWritten) {  // RFC 5321 §2.4
  ASSERT_TRUE(domain("example.com"));
  ASSERT_TRUE(alias("boss@example.com", {"Jane.DOE@Elsewhere.NET"}));
  EXPECT_THAT(leads_to("boss@example.com"), ElementsAre("Jane.DOE@elsewhere.net"));
}

TEST_F(DirectoryTest, CutsLoopsAndReportsWhatLeadsNowhere) {
  ASSERT_TRUE(domain("example.com"));
  ASSERT_TRUE(account("alice@example.com"));
  ASSERT_TRUE(alias("a@example.com", {"b@example.com"}));
  ASSERT_TRUE(alias("b@example.com", {"a@example.com"}));
  EXPECT_EQ(resolve("a@example.com").kind, Kind::kUnknown);
  ASSERT_TRUE(alias("b@example.com", {"a@example.com", "a+x@example.com", "alice@example.com", "gone@example.com"}));
  EXPECT_THAT(leads_to("a@example.com"), ElementsAre("alice@example.com"));
  EXPECT_THAT(resolve("a@example.com").dead, ElementsAre("gone@example.com"));
  EXPECT_EQ(alias("c@example.com", {"C@example.com"}).code(), Code::kInvalid);
}

TEST_F(DirectoryTest, TooLongAChainIsAnErrorAndNotALoss) {
  ASSERT_TRUE(domain("example.com"));
  ASSERT_TRUE(account("end@example.com"));
  const auto link = [](int i) { return "a" + std::to_string(i) + "@example.com"; };
  for (int i = 0; i < 12; ++i)
    ASSERT_TRUE(alias(link(i), {i == 11 ? "end@example.com" : link(i + 1), "end@example.com"}));
  EXPECT_THAT(leads_to(link(2)), ElementsAre("end@example.com"));
  EXPECT_EQ(directory->resolve(*store, link(0)).code(), Code::kLimit);
}

TEST_F(DirectoryTest, TooLargeAGroupIsAnErrorAndNotALoss) {
  ASSERT_TRUE(domain("example.com"));
  std::vector<std::string> groups;
  for (int g = 0; g < 11; ++g) {
    std::vector<std::string> members;
    for (int i = 0; i < 1000; ++i) members.push_back("m" + std::to_string(g * 1000 + i) + "@elsewhere.net");
    groups.push_back("g" + std::to_string(g) + "@example.com");
    ASSERT_TRUE(alias(groups.back(), members));
  }
  EXPECT_EQ(resolve(groups[0]).outside.size(), 1000u);
  ASSERT_TRUE(alias("nine@example.com", {groups.begin(), groups.begin() + 9}));
  EXPECT_EQ(resolve("nine@example.com").outside.size(), 9000u);
  ASSERT_TRUE(alias("all@example.com", groups));
  EXPECT_EQ(directory->resolve(*store, "all@example.com").code(), Code::kLimit);
  EXPECT_EQ(alias("none@example.com", {}).code(), Code::kLimit);
  EXPECT_EQ(alias("many@example.com", std::vector<std::string>(1001, "a@elsewhere.net")).code(), Code::kLimit);
}

TEST_F(DirectoryTest, CutsTheDetailWhereNoExactNameExists) {  // RFC 5233
  ASSERT_TRUE(domain("example.com"));
  ASSERT_TRUE(account("alice@example.com"));
  ASSERT_TRUE(account("bob@example.com"));
  ASSERT_TRUE(alias("alice+work@example.com", {"bob@example.com"}));
  EXPECT_THAT(leads_to("Alice+News+Daily@example.com"), ElementsAre("alice@example.com"));
  EXPECT_EQ(resolve("alice+News@example.com").detail, "news");
  EXPECT_EQ(resolve("alice@example.com").detail, "");
  EXPECT_THAT(leads_to("alice+work@example.com"), ElementsAre("bob@example.com"));
  EXPECT_EQ(resolve("+alice@example.com").kind, Kind::kUnknown);
  EXPECT_EQ(resolve("carol+x@example.com").kind, Kind::kUnknown);
  ASSERT_TRUE(alias("lists@example.com", {"alice@example.com"}));
  EXPECT_THAT(leads_to("lists+ietf@example.com"), ElementsAre("alice@example.com"));
}

TEST_F(DirectoryTest, TheCatchAllTakesWhatNobodyHas) {
  ASSERT_TRUE(domain("example.com", "alice@example.com"));
  ASSERT_TRUE(domain("example.net", "all@example.net"));  // leads to itself
  ASSERT_TRUE(account("alice@example.com"));
  ASSERT_TRUE(account("bob@example.com"));
  EXPECT_THAT(leads_to("anything@example.com"), ElementsAre("alice@example.com"));
  EXPECT_THAT(leads_to("any+thing@example.com"), ElementsAre("alice@example.com"));
  EXPECT_THAT(leads_to("bob+x@example.com"), ElementsAre("bob@example.com"));
  EXPECT_EQ(resolve("anything@example.net").kind, Kind::kUnknown);
}

TEST_F(DirectoryTest, PostmasterIsAlwaysAnswered) {  // RFC 5321 §4.5.1
  ASSERT_TRUE(domain("example.com"));
  ASSERT_TRUE(domain("example.net"));
  ASSERT_TRUE(account("first@example.com"));
  EXPECT_EQ(resolve("postmaster@example.com").kind, Kind::kUnknown) << "there is no administrator yet";
  ASSERT_TRUE(account("admin@example.com", "", true));
  ASSERT_TRUE(account("root@example.net", "", true));
  EXPECT_THAT(leads_to("PostMaster@example.com"), ElementsAre("admin@example.com"));
  EXPECT_THAT(leads_to("postmaster@example.net"), ElementsAre("root@example.net"));
  EXPECT_THAT(leads_to("POSTMASTER"), ElementsAre("admin@example.com"));
  EXPECT_EQ(resolve("postmaster@elsewhere.net").kind, Kind::kNotLocal);
  // An alias of that name that leads nowhere does not change it; one that leads somewhere does.
  ASSERT_TRUE(alias("postmaster@example.com", {"gone@example.com"}));
  EXPECT_THAT(leads_to("postmaster@example.com"), ElementsAre("admin@example.com"));
  ASSERT_TRUE(alias("postmaster@example.com", {"first@example.com"}));
  EXPECT_THAT(leads_to("postmaster@example.com"), ElementsAre("first@example.com"));
}

TEST_F(DirectoryTest, ADomainThatIsSwitchedOffTakesNothingByAnyWay) {
  ASSERT_TRUE(domain("example.com"));
  ASSERT_TRUE(domain("off.example", "a@off.example"));
  ASSERT_TRUE(account("a@off.example"));
  ASSERT_TRUE(alias("way@example.com", {"a@off.example"}));
  EXPECT_THAT(leads_to("way@example.com"), ElementsAre("a@off.example"));
  open_domain("off.example", false);
  EXPECT_EQ(resolve("a@off.example").kind, Kind::kUnknown);
  EXPECT_EQ(resolve("way@example.com").kind, Kind::kUnknown);
  EXPECT_FALSE(*directory->find_enabled("a@off.example"));
}

// --- sending as -----------------------------------------------------------------------------------------------------

TEST_F(DirectoryTest, SomebodyMaySendAsHimselfAndHisAliasesOnly) {
  ASSERT_TRUE(domain("example.com"));
  ASSERT_TRUE(domain("all.example", "alice@example.com"));
  const auto alice = account("alice@example.com"), bob = account("bob@example.com");
  ASSERT_TRUE(alias("sales@example.com", {"alice@example.com", "bob@example.com"}));
  ASSERT_TRUE(alias("news@example.com", {"alice@example.com"}, false));
  ASSERT_TRUE(alias("deep@example.com", {"sales@example.com"}));
  ASSERT_TRUE(alias("away@example.com", {"alice@elsewhere.net"}));
  for (const char* own : {"alice@example.com", "ALICE@Example.COM", "alice+tag@example.com", "sales@example.com",
                          "sales+x@example.com", "deep@example.com", "whatever@all.example", "\"alice\"@example.com"})
    EXPECT_TRUE(may_send(alice->id, own)) << own;
  for (const char* other :
       {"bob@example.com", "bob+x@example.com", "news@example.com", "nobody@example.com", "alice@elsewhere.net", "",
        "alice", "away@example.com", "alice@example.com, bob@example.com"})
    EXPECT_FALSE(may_send(alice->id, other)) << other;
  EXPECT_TRUE(may_send(bob->id, "sales@example.com"));
  EXPECT_FALSE(may_send(bob->id, "whatever@all.example"));
}

// --- passwords ------------------------------------------------------------------------------------------------------

TEST_F(DirectoryTest, ChecksPasswordsWithoutSayingWhatWasWrong) {
  ASSERT_TRUE(domain("example.com"));
  const auto alice = account("alice@example.com", "correct horse");
  ASSERT_TRUE(alice);
  const auto good = directory->check_password("Alice@example.com", "correct horse");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->id, alice->id);
  const auto wrong = directory->check_password("alice@example.com", "correct horsf");
  const auto unknown = directory->check_password("nobody@example.com", "correct horse");
  EXPECT_EQ(wrong.code(), Code::kDenied);
  EXPECT_EQ(unknown.code(), Code::kDenied);
  EXPECT_EQ(wrong.error().message, unknown.error().message);
  EXPECT_EQ(directory->check_password("alice@example.com", std::string(1001, 'x')).code(), Code::kDenied);
  EXPECT_EQ(directory->check_password("alice@example.com", "").code(), Code::kDenied);
  EXPECT_EQ(directory->check_password("", "correct horse").code(), Code::kDenied);
}

TEST_F(DirectoryTest, ANewPasswordAndASwitchedOffAccountCountAtOnce) {
  ASSERT_TRUE(domain("example.com"));
  const auto alice = account("alice@example.com", "correct horse");
  ASSERT_TRUE(directory->check_password("alice@example.com", "correct horse"));  // and is remembered
  const auto fresh = directory->make_secrets("battery staple");
  ASSERT_TRUE(commit([&](store::Transaction& t) { return directory->set_secrets(t, alice->id, *fresh); }));
  EXPECT_FALSE(directory->check_password("alice@example.com", "correct horse"));
  ASSERT_TRUE(directory->check_password("alice@example.com", "battery staple"));
  enable(alice->id, false);
  EXPECT_FALSE(directory->check_password("alice@example.com", "battery staple"));
  EXPECT_FALSE(*directory->find_enabled("alice@example.com"));
  enable(alice->id, true);
  open_domain("example.com", false);
  EXPECT_FALSE(directory->check_password("alice@example.com", "battery staple"));
}

TEST_F(DirectoryTest, RemembersAVerifiedPasswordForSomeMinutesOnly) {
  ASSERT_TRUE(domain("example.com"));
  ASSERT_TRUE(account("alice@example.com", "correct horse"));
  for (const auto later : {minutes(0), minutes(1), minutes(20)}) {
    clock.advance(later);
    EXPECT_TRUE(directory->check_password("alice@example.com", "correct horse"));
    EXPECT_FALSE(directory->check_password("alice@example.com", "wrong horse"));
  }
}

TEST_F(DirectoryTest, RefusesPasswordsThatAreNone) {
  EXPECT_EQ(directory->make_secrets("1234567").code(), Code::kInvalid);
  EXPECT_EQ(directory->make_secrets(std::string(1001, 'x')).code(), Code::kInvalid);
  EXPECT_EQ(directory
                ->make_secrets("12345\xFF"
                               "678")
                .code(),
            Code::kInvalid);
  EXPECT_EQ(directory
                ->make_secrets(std::string("1234\0"
                                           "5678",
                                           9))
                .code(),
            Code::kInvalid);
}

TEST_F(DirectoryTest, OnePasswordTypedOnTwoSystemsIsOne) {  // RFC 4013
  ASSERT_TRUE(domain("example.com"));
  ASSERT_TRUE(account("alice@example.com", "Pässwörter \u2126"));  // the ohm sign
  EXPECT_TRUE(directory->check_password("alice@example.com", "Pa\u0308sswo\u0308rter \u03A9"));
  EXPECT_EQ(sasl_prepared("I\u00ADX"), "IX");  // the examples of §3
  EXPECT_EQ(sasl_prepared("user"), "user");
  EXPECT_EQ(sasl_prepared("\u00AA"), "a");
  EXPECT_EQ(sasl_prepared("\u2168"), "IX");
  EXPECT_EQ(sasl_prepared("\u0627\u0031"), "\u0627\u0031") << "forbidden: taken as it is";
  EXPECT_EQ(sasl_prepared("\xF0\x9F\x98\x80 grin"), "\xF0\x9F\x98\x80 grin");
}

TEST_F(DirectoryTest, UnknownNamesHaveAStableSaltInAllTheirSpellings) {
  ASSERT_TRUE(domain("example.com"));
  ASSERT_TRUE(account("alice@example.com", "correct horse"));
  for (const std::string who : {"alice", "nobody"}) {
    const auto first = directory->scram_secret(who + "@example.com");
    ASSERT_TRUE(first);
    EXPECT_EQ(first->salt.size(), 16u);
    EXPECT_EQ(first->iterations, kScramIterations);
    for (const std::string& spelling : {who + "@EXAMPLE.com", "\"" + who + "\"@example.com"})
      EXPECT_EQ(directory->scram_secret(spelling)->salt, first->salt) << spelling;
  }
  EXPECT_NE(directory->scram_secret("nobody@example.com")->salt, directory->scram_secret("nobody2@example.com")->salt);
  EXPECT_TRUE(directory->scram_secret(""));
}

TEST_F(DirectoryTest, ADamagedRecordIsSaidSo) {
  ASSERT_TRUE(domain("example.com"));
  const auto alice = account("alice@example.com", "correct horse");
  ASSERT_TRUE(commit([&](store::Transaction& t) -> Result<void> {
    t.put(
        "Id"
        "example.com",
        "\x01\xFF");
    return {};
  }));
  EXPECT_EQ(directory->resolve(*store, "alice@example.com").code(), Code::kCorrupt);
  EXPECT_EQ(directory->domains(*store).code(), Code::kCorrupt);
  EXPECT_EQ(directory->check_password("alice@example.com", "correct horse").code(), Code::kCorrupt);
}

}  // namespace
}  // namespace pabal::identity
