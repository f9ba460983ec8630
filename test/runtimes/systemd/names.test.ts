import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  groupStem,
  isGroupFile,
  objectPathOfUnit,
  parseUnitName,
  sliceStem,
  storageVariable,
  templateFile,
  unitName,
  unitOfObjectPath,
  userName,
} from '../../../src/runtimes/systemd/names.ts'

const label = (maxLength: number) =>
  fc
    .stringMatching(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, { maxLength })
    .filter((text) => text.length <= maxLength)
const id = fc.record(
  {
    namespace: label(63),
    service: label(52),
    templateHash: fc.stringMatching(/^[b-z2-9]{10}$/),
    ordinal: fc.nat(9_999),
    program: fc.oneof(fc.constant(''), label(20)),
  },
  { noNullPrototype: true },
)

test('an id is read back from its unit, and the unit from its object path', () => {
  fc.assert(
    fc.property(id, (one) => {
      const unit = unitName(one)
      assert.ok(unit.length <= 255)
      assert.equal(parseUnitName(unit), one)
      assert.is(unitOfObjectPath(objectPathOfUnit(unit)), unit)
      assert.match(objectPathOfUnit(unit), /^[A-Za-z0-9_/]+$/)
    }),
  )
})

test('a group’s own units are known by their names, and no program’s unit is one', () => {
  fc.assert(
    fc.property(id, (one) => {
      const slice = `${sliceStem(one)}_${one.ordinal}.slice`
      assert.ok(slice.length <= 255)
      // each further hyphen would be a slice of its own
      assert.match(slice, /^nsctl-[^-]+\.slice$/)
      assert.ok(isGroupFile(slice))
      assert.ok(isGroupFile(`${groupStem(one)}@.target`))
      assert.not(isGroupFile(templateFile(one)))
      assert.is(parseUnitName(`${groupStem(one)}@${one.ordinal}.target`), undefined)
    }),
  )
})

test('different groups have different slices', () => {
  fc.assert(
    fc.property(id, id, (one, other) => {
      const same = groupStem(one) === groupStem(other)
      assert.is(sliceStem(one) === sliceStem(other), same)
    }),
  )
  const near = { namespace: 'a-b', service: 'c', templateHash: 'h3kq9x2mzc' }
  assert.is.not(sliceStem(near), sliceStem({ ...near, namespace: 'a', service: 'b-c' }))
})

test('different services have different users, which systemd takes', () => {
  fc.assert(
    fc.property(id, id, (a, b) => {
      assert.match(userName(a), /^[a-z][a-z0-9_-]{0,30}$/)
      const same = a.namespace === b.namespace && a.service === b.service
      assert.is(userName(a) === userName(b), same)
      assert.is(userName({ ...a, ...{ templateHash: 'x', ordinal: 3 } }), userName(a))
    }),
  )
})

for (const unit of [
  'nsctl.service',
  'nsctl-agent.service',
  'nsctl-a_b_c@.service',
  'nsctl-a_b_c@x.service',
  'web@0.service',
  'nsctl-a_b@0.service',
])
  test(`${unit} is none of ours`, () => {
    assert.is(parseUnitName(unit), undefined)
  })

test('names as they are read in a terminal', () => {
  const web = { namespace: 'default', service: 'web', templateHash: 'h3kq9x2mzc', ordinal: 4, program: '' }
  assert.is(unitName(web), 'nsctl-default_web_h3kq9x2mzc@4.service')
  assert.is(unitName({ ...web, program: 'side-car' }), 'nsctl-default_web_h3kq9x2mzc_side-car@4.service')
  assert.is(userName(web), 'nsctl-default_web')
  assert.match(
    userName({ namespace: 'production-europe', service: 'shopping-cart-backend' }),
    /^nsctl-shopping-ca-[b-z2-9]{12}$/,
  )
  assert.is(storageVariable('my-data'), 'STORAGE_MY_DATA')
})

test.run()
