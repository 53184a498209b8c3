module;
#include <string>
#include <vector>
export module repal.score_table;

import repal.metric;

/// The columns that scores have in tables, as score_columns() says.
namespace repal {

/// Names, as in CSV.
export std::vector<std::string> score_names();

/// Titles, for readers.
export std::vector<std::string> score_titles();

/// Values as the shortest text that reads back as the same double; empty where there is none.
export std::vector<std::string> score_fields(const Score& score);

/// Values with so many digits behind the point.
export std::vector<std::string> score_fields(const Score& score, int digits);

/// The cause, if there is no value, and the warnings, in one line.
export std::string note_of(const Score& score);

/// Columns for what metrics report beside the angle, one for each name of Score::values.
export class ValueColumns {
 public:
    void add(const std::string& metric, const std::vector<ValueInfo>& values);

    const std::vector<std::string>& names() const { return names_; }
    /// Empty where the metric, whose values are `known`, has no such value.
    std::vector<std::string> fields(const std::string& metric, const Score& score,
                                    const std::vector<ValueInfo>& known) const;

 private:
    std::vector<std::string> names_;
};

/// One row behind the other.
export std::vector<std::string> joined(std::vector<std::string> first, const std::vector<std::string>& second);

}  // namespace repal
