// What mail settings and scripts decide about one message, for each account that has some: the Plan that LocalDelivery
// hands to MSA and MTA. The settings (sieve/settings.h) come first, then the account's active script. Everything that
// burns is done here, before the transaction: the scripts run, edited messages and letters are made ready. Nothing is
// written.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "delivery/delivery.h"
#include "trust/incoming.h"

namespace pabal::delivery {

// A message that differs from the one received: edited by a script, or written for it.
struct Copy {
  std::shared_ptr<const mailbox::Prepared> prepared;
  mailbox::BodyId body = 0;
};

struct Decision {
  struct Filing {
    sieve::Target target;
    mailbox::Flags flags;
    std::shared_ptr<const Copy> copy;  // null: the message as received
    uint32_t line = 0;
  };
  struct Onward {
    std::string address;
    std::string dsn_notify;  // RFC 6009; "": not said
    std::shared_ptr<const Copy> copy;
  };
  struct Refusal {
    std::string reason;
    bool ereject = false;
    std::shared_ptr<const Copy> letter;  // an MDN; null: nobody to tell
  };
  struct Letter {
    std::string_view action;  // for the trace: "answered", "notified"
    std::string reverse_path;
    std::vector<std::string> to;
    std::shared_ptr<const Copy> copy;
    std::string once;      // key of the store: not again while it lives; empty: always
    Duration interval{0};  // how long it lives
    std::optional<sieve::Fcc> fcc;
    uint32_t line = 0;
  };
  std::string script;                 // its name, or that of the settings
  bool stays = false;                 // RFC 6785: the message is in a mailbox, and remains there
  std::vector<std::string> troubles;  // why it did not do all it should: for the trace and its owner
  std::vector<Filing> filings;
  std::vector<Onward> onward;
  std::optional<Refusal> refusal;
  std::vector<Letter> letters;
  std::vector<sieve::RecordDuplicate> seen;
};

// Adds what `actions` come to, for the owner of the script, to `out`.
void decide(const Services& services, const mailbox::LocalDelivery::Mail& mail,
            const mailbox::LocalDelivery::Recipient& recipient, const identity::Resolution::Target& owner,
            const store::Reader& reader, const std::vector<sieve::Action>& actions, Decision& out);
// What stopped a script; "": nothing did.
std::string trouble_of(const sieve::Outcome& outcome);

class FilterPlan final : public mailbox::LocalDelivery::Plan {
 public:
  FilterPlan(const Services& services, mailbox::LocalDelivery::Mail mail)
      : services_(services), mail_(std::move(mail)) {}
  // `script`: the active one; "": the account has settings alone.
  void add(identity::Resolution::Target account, mailbox::LocalDelivery::Recipient recipient, std::string script);
  // The message is for a report address, too (report_intake.h): run() reads the report.
  void expect_report() { expects_report_ = true; }
  void run() override;
  // Null: no script for that account.
  const Decision* of(identity::AccountId account) const;
  // Nothing: none was expected.
  const std::optional<Result<trust::IncomingReport>>& report() const { return report_; }

 private:
  struct Job {
    identity::Resolution::Target account;
    mailbox::LocalDelivery::Recipient recipient;
    Decision decision;
  };
  void decide(Job& job) const;
  sieve::Outcome run(const Job& job, const sieve::Program& program, const store::Reader& reader, bool junk,
                     const sieve::FlagList& flags, const sieve::Limits& limits) const;

  const Services& services_;
  const mailbox::LocalDelivery::Mail mail_;
  std::map<identity::AccountId, Job> jobs_;
  bool expects_report_ = false;
  std::optional<Result<trust::IncomingReport>> report_;
};

// A script's words for flags as the mail model has them: what cannot be a flag is left out, and what is too many.
mailbox::Flags flags_of(const sieve::FlagList& list);
sieve::FlagList names_of(const mailbox::Flags& flags);

}  // namespace pabal::delivery
