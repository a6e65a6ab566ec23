#include "access/imap/list.h"

#include <gtest/gtest.h>

namespace pabal::access::imap {
namespace {

using mailbox::Mailbox;
using mailbox::Role;

std::vector<Mailbox> boxes() {
  std::vector<Mailbox> out;
  const auto add = [&](std::string name, Role role) {
    Mailbox box;
    box.name = std::move(name);
    box.role = role;
    out.push_back(box);
  };
  add("INBOX", Role::kInbox);
  add("Sent", Role::kSent);
  add("fruit", Role::kNone);
  add("fruit/apple", Role::kNone);
  add("gone/left", Role::kNone);  // "gone" was deleted
  add("work", Role::kNone);
  add("work/old/Archive", Role::kArchive);
  return out;
}

const std::set<std::string> kSubscribed = {"INBOX", "Sent", "fruit/apple", "gone/left", "work"};

std::string run(const std::string& arguments, bool lsub = false,
                const std::set<std::string>& subscribed = kSubscribed) {
  Words words(arguments);
  const auto request = parse_list(words, lsub);
  if (!request) return "malformed";
  const auto all = boxes();
  std::string out;
  for (const ListLine& line : list(*request, all, subscribed, [](std::string_view p) { return std::string(p); }))
    out += "(" + line.attributes + ") " + line.name + (line.child_info ? " CHILDINFO" : "") + "\n";
  return out;
}

TEST(List, AStarGivesAllWithInboxFirst) {
  EXPECT_EQ(
      run(" \"\" *"),
      "(\\HasNoChildren) INBOX\n(\\HasNoChildren \\Sent) Sent\n(\\HasChildren) fruit\n(\\HasNoChildren) fruit/apple\n"
      "(\\NonExistent \\Noselect \\HasChildren) gone\n(\\HasNoChildren) gone/left\n(\\HasChildren) work\n"
      "(\\NonExistent \\Noselect \\HasChildren) work/old\n(\\HasNoChildren \\Archive) work/old/Archive\n");
}

TEST(List, APercentGivesOneLevel) {
  EXPECT_EQ(run(" \"\" %"),
            "(\\HasNoChildren) INBOX\n(\\HasNoChildren \\Sent) Sent\n(\\HasChildren) fruit\n(\\NonExistent \\Noselect "
            "\\HasChildren) gone\n(\\HasChildren) work\n");
  EXPECT_EQ(run(" \"work/\" %"), "(\\NonExistent \\Noselect \\HasChildren) work/old\n");
  EXPECT_EQ(run(" \"\" inbox"), "(\\HasNoChildren) INBOX\n");
  EXPECT_EQ(run(" \"\" nothing"), "");
}

TEST(List, SeveralPatternsGiveEachMailboxOnce) {
  EXPECT_EQ(run(" \"\" (IN% fruit* *apple)"),
            "(\\HasNoChildren) INBOX\n(\\HasChildren) fruit\n(\\HasNoChildren) fruit/apple\n");
}

TEST(List, SubscribedSelectsAndSaysSo) {
  EXPECT_EQ(run(" (SUBSCRIBED) \"\" *"),
            "(\\HasNoChildren \\Subscribed) INBOX\n(\\HasNoChildren \\Subscribed \\Sent) Sent\n(\\HasNoChildren "
            "\\Subscribed) fruit/apple\n"
            "(\\HasNoChildren \\Subscribed) gone/left\n(\\HasChildren \\Subscribed) work\n");
  EXPECT_EQ(run(" \"\" fruit% RETURN (SUBSCRIBED)"), "(\\HasChildren) fruit\n");
  EXPECT_EQ(run(" \"\" fruit/% RETURN (SUBSCRIBED CHILDREN)"), "(\\HasNoChildren \\Subscribed) fruit/apple\n");
}

TEST(List, RecursiveMatchBringsParents) {
  EXPECT_EQ(run(" (SUBSCRIBED RECURSIVEMATCH) \"\" %"),
            "(\\HasNoChildren \\Subscribed) INBOX\n(\\HasNoChildren \\Subscribed \\Sent) Sent\n(\\HasChildren) fruit "
            "CHILDINFO\n"
            "(\\NonExistent \\Noselect \\HasChildren) gone CHILDINFO\n(\\HasChildren \\Subscribed) work\n");
}

TEST(List, SpecialUseSelects) {
  EXPECT_EQ(run(" (SPECIAL-USE) \"\" *"),
            "(\\HasNoChildren \\Sent) Sent\n(\\HasNoChildren \\Archive) work/old/Archive\n");
  EXPECT_EQ(run(" (SPECIAL-USE RECURSIVEMATCH) \"\" %"),
            "(\\HasNoChildren \\Sent) Sent\n(\\HasChildren) work CHILDINFO\n");
}

TEST(List, LsubShowsParentsOfSubscribedOnesAsNoselect) {
  EXPECT_EQ(run(" \"\" %", true),
            "(\\HasNoChildren) INBOX\n(\\HasNoChildren) Sent\n(\\Noselect \\HasChildren) fruit\n(\\Noselect "
            "\\HasChildren) gone\n(\\HasChildren) work\n");
  EXPECT_EQ(run(" \"\" fruit*", true), "(\\Noselect \\HasChildren) fruit\n(\\HasNoChildren) fruit/apple\n");
}

// RFC 9051 §6.3.7: the name of a mailbox that was deleted stays subscribed; RFC 5258 §5, example 7.
TEST(List, SubscribedNamesWithoutAMailboxAreShownWhereSubscriptionsAreAsked) {
  const std::set<std::string> subscribed = {"fruit/peach", "old/2019"};
  EXPECT_EQ(run(" (SUBSCRIBED) \"\" *", false, subscribed),
            "(\\NonExistent \\Noselect \\HasNoChildren \\Subscribed) fruit/peach\n"
            "(\\NonExistent \\Noselect \\HasNoChildren \\Subscribed) old/2019\n");
  EXPECT_EQ(run(" (SUBSCRIBED RECURSIVEMATCH) \"\" %", false, subscribed),
            "(\\HasChildren) fruit CHILDINFO\n(\\NonExistent \\Noselect \\HasNoChildren) old CHILDINFO\n");
  EXPECT_EQ(run(" \"\" (old* fruit/p%) RETURN (SUBSCRIBED)", false, subscribed), "") << "LIST gives what there is";
  EXPECT_EQ(run(" (SPECIAL-USE SUBSCRIBED) \"\" *", false, subscribed), "");
  EXPECT_EQ(run(" \"\" *", true, subscribed),
            "(\\Noselect \\HasChildren) fruit\n(\\Noselect \\HasNoChildren) fruit/peach\n"
            "(\\Noselect \\HasChildren) old\n(\\Noselect \\HasNoChildren) old/2019\n");
}

TEST(List, StatusItemsAreRead) {
  Words words(" \"\" * RETURN (STATUS (MESSAGES size) SUBSCRIBED)");
  const auto request = parse_list(words, false);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->status, (std::vector<std::string>{"MESSAGES", "SIZE"}));
}

TEST(List, WhatIsMalformedIsRefused) {
  for (const std::string text : {"", " \"\"", " \"\" ", " \"\" * RETURN", " \"\" * RETURN (FOO)",
                                 " \"\" * RETURN (STATUS)", " \"\" * RETURN (STATUS (FOO))", " (RECURSIVEMATCH) \"\" *",
                                 " (FOO) \"\" *", " \"\" ()", " \"\" (a", " \"\" * x", " (SUBSCRIBED \"\" *"})
    EXPECT_EQ(run(text), "malformed") << text;
  EXPECT_EQ(run(" \"\" (*)", true), "malformed");  // LSUB has no extensions
  EXPECT_EQ(run(" \"\" " + std::string(1001, '*')), "malformed");
}

TEST(SpecialUse, RolesAndUsesBelongTogether) {
  EXPECT_EQ(special_use(Role::kTrash), "\\Trash");
  EXPECT_EQ(special_use(Role::kInbox), "");
  EXPECT_EQ(role_of_use("\\sent"), Role::kSent);
  EXPECT_FALSE(role_of_use("\\All"));
}

}  // namespace
}  // namespace pabal::access::imap
