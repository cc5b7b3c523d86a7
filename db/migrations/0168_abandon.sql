-- A release that can't be ended, and isn't to be begun again, is given up. What was read for it counts as handed out: whose it is, is told (G-51, G-52).
INSERT INTO disclosure.act (act, needs, takes) VALUES ('abandon', '{reason}', '{}');
INSERT INTO disclosure.transition (act, from_state, state) VALUES ('abandon', 'releasing', 'released');
