"""Orders are found by shipments, cancellations and returns, each for itself, and by what is to be done with them."""

from alembic import op

revision = "0004"
down_revision = "0003"

COLUMNS = """
    ALTER TABLE orders
        ADD COLUMN shipments text, ADD COLUMN cancellations text, ADD COLUMN returns text, ADD COLUMN waits boolean,
        ADD COLUMN to_ship boolean, ADD COLUMN on_hold boolean, ADD COLUMN exception boolean,
        ADD COLUMN ship_by timestamptz
"""
FILL = """
    WITH lines AS (
        SELECT order_id, sum(canceled) > 0 AS some_canceled, sum(canceled) = sum(quantity) AS canceled,
            sum(shipped) > 0 AS shipped, sum(quantity - shipped - canceled) > 0 AS waits
        FROM orders, jsonb_to_recordset(state->'lines') AS line(quantity int, shipped int, canceled int)
        GROUP BY order_id
    ), came AS (
        SELECT order_id, bool_or(came < wanted AND NOT closed) AS requested, bool_or(came >= wanted) AS received
        FROM (
            SELECT order_id, each.value->'closed' <> 'null' AS closed,
                (SELECT COALESCE(sum(value::int), 0) FROM jsonb_each_text(each.value->'lines')) AS wanted,
                (SELECT COALESCE(sum(quantity), 0)
                    FROM jsonb_to_recordset(each.value->'received') AS unit(quantity int)) AS came
            FROM orders, jsonb_each(COALESCE(state->'returns', '{}')) AS each
        ) AS returns GROUP BY order_id
    )
    UPDATE orders SET
        shipments = CASE WHEN NOT lines.shipped THEN 'not shipped'
            WHEN lines.waits THEN 'partially shipped' ELSE 'shipped' END,
        cancellations = CASE WHEN lines.canceled THEN 'canceled' WHEN lines.some_canceled THEN 'partly' ELSE 'none' END,
        returns = CASE WHEN came.order_id IS NULL THEN 'none' WHEN came.requested THEN 'requested'
            WHEN came.received THEN 'received' ELSE 'closed' END,
        waits = lines.waits,
        to_ship = lines.waits AND jsonb_array_length(state->'holds') = 0,
        on_hold = jsonb_array_length(state->'holds') > 0,
        exception = COALESCE(state->'exceptions', '{}') <> '{}',
        ship_by = CAST(state->>'ship_by' AS timestamptz)
    FROM lines LEFT JOIN came USING (order_id)
    WHERE orders.order_id = lines.order_id
"""
NAMES = ("shipments", "cancellations", "returns", "waits", "to_ship", "on_hold", "exception")
REQUIRED = "ALTER TABLE orders " + ", ".join(f"ALTER COLUMN {name} SET NOT NULL" for name in NAMES)
FORMER = "ALTER TABLE orders DROP COLUMN status, DROP COLUMN marks"
INDEXES = (
    "CREATE INDEX orders_by_shipments ON orders (shipments, placed_at, order_id)",
    "CREATE INDEX orders_canceled ON orders (cancellations, placed_at, order_id) WHERE cancellations <> 'none'",
    "CREATE INDEX orders_returned ON orders (returns, placed_at, order_id) WHERE returns <> 'none'",
    "CREATE INDEX orders_that_wait ON orders (placed_at, order_id) WHERE waits",
    "CREATE INDEX orders_that_a_platform_waits_for ON orders (ship_by, order_id) WHERE waits AND ship_by IS NOT NULL",
    "CREATE INDEX orders_to_ship ON orders (placed_at, order_id) WHERE to_ship",
    "CREATE INDEX orders_on_hold ON orders (placed_at, order_id) WHERE on_hold",
    "CREATE INDEX orders_with_exception ON orders (placed_at, order_id) WHERE exception",
)


def upgrade() -> None:
    for statement in (COLUMNS, FILL, REQUIRED, FORMER, *INDEXES):
        op.execute(statement)
