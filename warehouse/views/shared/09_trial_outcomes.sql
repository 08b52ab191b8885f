-- One row per post of a trial: the arm that was drawn, whether it was followed, and what the post got
-- of the trial's activity. The outcome is NULL until the trial is finished: who looks before the end,
-- and then decides when to end, finds what is not there.
CREATE OR REPLACE VIEW trial_outcomes AS
SELECT
    trial_posts.trial_id, trial_posts.number, trial_posts.arm, trial_posts.owner_id,
    trial_posts.post_id, posts.published_at, trial_posts.has_it,
    trial_posts.has_it = (trial_posts.arm = 'with') AS is_followed, trials.activity,
    outcomes.exposures, outcomes.rate
FROM trial_posts
JOIN trials USING (trial_id)
LEFT JOIN posts
    ON posts.owner_id = trial_posts.owner_id AND posts.post_id = trial_posts.post_id
LEFT JOIN outcomes
    ON outcomes.owner_id = trial_posts.owner_id AND outcomes.post_id = trial_posts.post_id
    AND outcomes.activity = trials.activity AND trials.status = 'finished';
